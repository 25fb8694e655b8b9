/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstplazasettings.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstplazasettings.h"

enum {
  PROP_0, PROP_SEED, PROP_PEOPLE, PROP_PEOPLE_MIN, PROP_PEOPLE_MAX, PROP_TIME_OF_DAY, PROP_TIME_SCALE, PROP_SHUFFLE,
  PROP_OVERCAST, PROP_NOISE, PROP_TRUTH_LOCATION, PROP_TRUTH_PATTERN, PROP_TIMESTAMP_OFFSET, N_SETTINGS
};

G_STATIC_ASSERT (N_SETTINGS == GST_PLAZA_N_SETTINGS);

#define DEFAULT_SEED 1
#define DEFAULT_PEOPLE (-1)
#define DEFAULT_PEOPLE_MIN 0
#define DEFAULT_PEOPLE_MAX 12
#define DEFAULT_TIME_OF_DAY (-1.0)
#define DEFAULT_TIME_SCALE 1.0
#define DEFAULT_OVERCAST (-1.0)
#define DEFAULT_NOISE 1.5
#define DEFAULT_TRUTH_PATTERN "frame-%05d.jpg"

void
gst_plaza_settings_install (GObjectClass *klass)
{
  const GParamFlags rw = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS;
  const GParamFlags any_time = rw | GST_PARAM_MUTABLE_PLAYING, controlled = any_time | GST_PARAM_CONTROLLABLE;
  const GParamFlags before = rw | GST_PARAM_MUTABLE_READY;

  /**
   * GstPlazaTestSrc:seed:
   *
   * People, their clothes and walks, and the weather follow from it; the same seed gives the same frames, byte by byte.
   */
  g_object_class_install_property (klass, PROP_SEED, g_param_spec_uint64 ("seed", "Seed",
          "Chooses the people, their walks and the weather; the same seed gives the same frames, byte by byte",
          0, G_MAXUINT64, DEFAULT_SEED, any_time));
  /**
   * GstPlazaTestSrc:people:
   *
   * How many people walk about inside the view; -1 lets them come and go between people-min and people-max. The truth
   * counts those who can be seen, which may be fewer while one passes behind another.
   */
  g_object_class_install_property (klass, PROP_PEOPLE, g_param_spec_int ("people", "People",
          "How many people walk about inside the view (-1 = varying between people-min and people-max)",
          -1, PLAZA_MAX_PEOPLE, DEFAULT_PEOPLE, controlled));
  g_object_class_install_property (klass, PROP_PEOPLE_MIN, g_param_spec_int ("people-min", "Fewest people",
          "With people=-1: this many never leave the view", 0, PLAZA_MAX_PEOPLE, DEFAULT_PEOPLE_MIN, any_time));
  g_object_class_install_property (klass, PROP_PEOPLE_MAX, g_param_spec_int ("people-max", "Most people",
          "With people=-1: never more than this many are about (people-min where that is more)", 0, PLAZA_MAX_PEOPLE,
          DEFAULT_PEOPLE_MAX, any_time));
  /**
   * GstPlazaTestSrc:time-of-day:
   *
   * Local time of the first frame in minutes after midnight, 720 being noon. The sun rises at about 6:10, stands highest
   * at 13:00 and sets at about 19:50. A negative number chooses by the seed.
   */
  g_object_class_install_property (klass, PROP_TIME_OF_DAY, g_param_spec_double ("time-of-day", "Time of day",
          "Minute of the day at which the stream begins, 720 is noon (-1 = chosen by the seed)", -1, 1440,
          DEFAULT_TIME_OF_DAY, any_time));
  g_object_class_install_property (klass, PROP_TIME_SCALE, g_param_spec_double ("time-scale", "Time scale",
          "Seconds of daylight that pass in a second of the stream (1440 = a day in a minute); people keep their pace",
          0, 86400, DEFAULT_TIME_SCALE, any_time));
  /**
   * GstPlazaTestSrc:shuffle:
   *
   * Every frame shows a moment of its own: another time of the day, other weather, other people. Times and numbers of
   * people between people-min and people-max are spread evenly, so a few dozen frames cover all a head has to learn.
   */
  g_object_class_install_property (klass, PROP_SHUFFLE, g_param_spec_boolean ("shuffle", "Shuffle",
          "Every frame is a moment of its own (time of day, weather, people), evenly spread: for training",
          FALSE, any_time));
  g_object_class_install_property (klass, PROP_OVERCAST, g_param_spec_double ("overcast", "Overcast",
          "How cloudy it is, from 0 (clear) to 1 (closed); -1 = weather that changes by the hour and the day",
          -1, 1, DEFAULT_OVERCAST, controlled));
  g_object_class_install_property (klass, PROP_NOISE, g_param_spec_double ("noise", "Noise",
          "Sensor noise: its standard deviation in steps of 8 bits by day; nights are noisier (0 = none)",
          0, 30, DEFAULT_NOISE, controlled));
  g_object_class_install_property (klass, PROP_TRUTH_LOCATION, g_param_spec_string ("truth-location", "Truth location",
          "CSV file to write the truth to, one line per frame: file,people,minute_of_day (unset = none)", NULL, before));
  /**
   * GstPlazaTestSrc:truth-pattern:
   *
   * What the file column of #GstPlazaTestSrc:truth-location says. Frames count from 0, as #multifilesink does.
   */
  g_object_class_install_property (klass, PROP_TRUTH_PATTERN, g_param_spec_string ("truth-pattern", "Truth pattern",
          "Name of the n-th frame's file in the CSV, with one number in printf style, counting from 0",
          DEFAULT_TRUTH_PATTERN, before));
  g_object_class_install_property (klass, PROP_TIMESTAMP_OFFSET, g_param_spec_int64 ("timestamp-offset",
          "Timestamp offset", "Nanoseconds added to the timestamps of the buffers", G_MININT64 + 1, G_MAXINT64, 0,
          any_time));
}

void
gst_plaza_settings_init (GstPlazaSettings *s)
{
  *s = (GstPlazaSettings) { .seed = DEFAULT_SEED, .people = DEFAULT_PEOPLE, .people_min = DEFAULT_PEOPLE_MIN,
    .people_max = DEFAULT_PEOPLE_MAX, .time_of_day = DEFAULT_TIME_OF_DAY, .time_scale = DEFAULT_TIME_SCALE,
    .overcast = DEFAULT_OVERCAST, .noise = DEFAULT_NOISE, .truth_pattern = g_strdup (DEFAULT_TRUTH_PATTERN) };
}

void
gst_plaza_settings_clear (GstPlazaSettings *s)
{
  g_free (s->truth_location);
  g_free (s->truth_pattern);
}

gboolean
gst_plaza_settings_set (GstPlazaSettings *s, guint id, const GValue *value)
{
  switch (id) {
    case PROP_SEED:
      s->seed = g_value_get_uint64 (value);
      break;
    case PROP_PEOPLE:
      s->people = g_value_get_int (value);
      break;
    case PROP_PEOPLE_MIN:
      s->people_min = g_value_get_int (value);
      break;
    case PROP_PEOPLE_MAX:
      s->people_max = g_value_get_int (value);
      break;
    case PROP_TIME_OF_DAY:
      s->time_of_day = g_value_get_double (value);
      break;
    case PROP_TIME_SCALE:
      s->time_scale = g_value_get_double (value);
      break;
    case PROP_SHUFFLE:
      s->shuffle = g_value_get_boolean (value);
      break;
    case PROP_OVERCAST:
      s->overcast = g_value_get_double (value);
      break;
    case PROP_NOISE:
      s->noise = g_value_get_double (value);
      break;
    case PROP_TRUTH_LOCATION:
      g_free (s->truth_location);
      s->truth_location = g_value_dup_string (value);
      break;
    case PROP_TRUTH_PATTERN:
      g_free (s->truth_pattern);
      s->truth_pattern = g_value_dup_string (value);
      break;
    case PROP_TIMESTAMP_OFFSET:
      s->timestamp_offset = g_value_get_int64 (value);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

gboolean
gst_plaza_settings_get (const GstPlazaSettings *s, guint id, GValue *value)
{
  switch (id) {
    case PROP_SEED:
      g_value_set_uint64 (value, s->seed);
      break;
    case PROP_PEOPLE:
      g_value_set_int (value, s->people);
      break;
    case PROP_PEOPLE_MIN:
      g_value_set_int (value, s->people_min);
      break;
    case PROP_PEOPLE_MAX:
      g_value_set_int (value, s->people_max);
      break;
    case PROP_TIME_OF_DAY:
      g_value_set_double (value, s->time_of_day);
      break;
    case PROP_TIME_SCALE:
      g_value_set_double (value, s->time_scale);
      break;
    case PROP_SHUFFLE:
      g_value_set_boolean (value, s->shuffle);
      break;
    case PROP_OVERCAST:
      g_value_set_double (value, s->overcast);
      break;
    case PROP_NOISE:
      g_value_set_double (value, s->noise);
      break;
    case PROP_TRUTH_LOCATION:
      g_value_set_string (value, s->truth_location);
      break;
    case PROP_TRUTH_PATTERN:
      g_value_set_string (value, s->truth_pattern);
      break;
    case PROP_TIMESTAMP_OFFSET:
      g_value_set_int64 (value, s->timestamp_offset);
      break;
    default:
      return FALSE;
  }
  return TRUE;
}

PlazaSettings
gst_plaza_settings_of_picture (const GstPlazaSettings *s)
{
  return (PlazaSettings) { .seed = s->seed, .people_min = s->people < 0 ? s->people_min : s->people,
    .people_max = s->people < 0 ? MAX (s->people_min, s->people_max) : s->people, .start_minute = s->time_of_day,
    .time_scale = s->time_scale, .overcast = s->overcast, .shuffle = s->shuffle };
}
