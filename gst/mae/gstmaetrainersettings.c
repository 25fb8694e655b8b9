/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaetrainersettings.c: see the header. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaetrainersettings.h"

#include <stddef.h>

#include "gstmaeenums.h"

#define DEFAULT_BUFFER_SIZE 1000
#define DEFAULT_START_AFTER 100
#define DEFAULT_CHECKPOINT_INTERVAL (60 * GST_SECOND)
/* Unless warm-up is set it takes one of so many steps, and no more than the trainer's own default. */
#define WARMUP_PART 20

typedef enum { TEXT, COUNT, SIGNED, UINT, INT, TIME, NUMBER, FLAG, ENUM } Type;

typedef struct {
  Type type;
  gsize offset;
  const gchar *name, *nick, *blurb;
  gdouble low, high;            /* of numbers; high 0: the type's largest */
  GType (*get_type) (void);     /* of enumerations */
  gboolean playing;             /* may change while frames come */
} Property;

static GType
mode_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GST_MAE_TRAINER_AUTO, "Live where upstream is, else recorded", "auto"},
    {GST_MAE_TRAINER_RECORDED, "Collects frames until the stream ends, then trains", "recorded"},
    {GST_MAE_TRAINER_LIVE, "Trains while frames come", "live"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstMaeTrainerMode", values));
  return type;
}

static GType
target_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    {GH_MAE_TARGET_AUTO, "What the configuration says", "auto"},
    {GH_MAE_TARGET_PATCH, "Pixels normalised by the mean and deviation of their patch", "patch"},
    {GH_MAE_TARGET_PIXELS, "Pixels normalised by the model's mean and deviation alone", "pixels"},
    {GH_MAE_TARGET_CAMERA, "The difference from the camera's mean picture, which is all the encoder sees", "camera"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstMaeTrainerTarget", values));
  return type;
}

#define AT(member) offsetof (GstMaeTrainerSettings, member)

/* Property id - 1 is the index. */
static const Property table[] = {
  {TEXT, AT (config), "config", "Configuration",
      "Shape of a new model: a shipped one (almacam, almacam-1080p, small, tiny) or a JSON file; tiny when "
      "neither this nor model is set"},
  {TEXT, AT (model), "model", "Model",
      "Encoder file with a decoder whose weights training starts from, instead of a new model"},
  {TEXT, AT (checkpoint), "checkpoint", "Checkpoint",
      "File in which the whole state of the training is kept; when it is there already, the training goes on from "
      "it"},
  {TEXT, AT (location), "location", "Location",
      "Encoder file to write when training is done"},
  {TEXT, AT (record), "record", "Record",
      "What it was trained on, in words that the encoder file keeps"},
  {ENUM, AT (mode), "mode", "Mode",
      "Whether frames are collected first or trained on as they come", 0, 0, mode_get_type},
  {COUNT, AT (options.steps), "steps", "Steps",
      "Steps of training, where the learning rate has come down to nothing", 1, G_MAXINT32},
  {INT, AT (options.batch), "batch-size", "Batch size",
      "Images at a time, which decides how much memory is needed", 1, 4096},
  {INT, AT (options.accumulate), "accumulate", "Accumulate",
      "Batches whose gradients make one step", 1, 65536},
  {NUMBER, AT (options.lr), "learning-rate", "Learning rate",
      "Largest learning rate (0 = by the batch and the width of the model: 0.0003 for tiny, 0.00008 for almacam)", 0, 10},
  {SIGNED, AT (warmup), "warmup", "Warm-up",
      "Steps in which the learning rate rises to its largest (-1 = one of twenty steps, at most 500)", -1, G_MAXINT32},
  {NUMBER, AT (options.weight_decay), "weight-decay", "Weight decay",
      "Part of each weight that a step of learning rate 1 would take away", 0, 10},
  {NUMBER, AT (options.clip), "clip", "Clip",
      "Largest norm of a step's gradient (0 = any)", 0, 1e9},
  {NUMBER, AT (options.mask_ratio), "mask-ratio", "Mask ratio",
      "Part of the patches that is hidden (-1 = the configuration's)", -1, 0.99},
  {ENUM, AT (options.target), "target", "Target",
      "What the decoder has to say about a hidden patch", 0, 0, target_get_type},
  {NUMBER, AT (options.crop), "crop", "Crop",
      "Smallest part of a frame's area that a random crop may show (1 = always the whole frame)", 0.05, 1},
  {FLAG, AT (options.flip), "flip", "Flip",
      "Mirror half of the images left to right"},
  {NUMBER, AT (options.light), "light", "Light",
      "How far brightness, contrast and colours of an image may be moved (0 = not at all)", 0, 1},
  {UINT, AT (buffer_size), "buffer-size", "Buffer size",
      "Frames kept to learn from, each of the model's width times height times 3 bytes, on a GPU where they fit; when "
      "more have come, half of them are the most recent and half a sample of all others", 2, G_MAXINT32},
  {UINT, AT (start_after), "start-after", "Start after",
      "Frames that have to come before training on a live stream starts", 1, G_MAXINT32},
  {TIME, AT (interval), "interval", "Interval",
      "Nanoseconds of running time from one frame taken to the next (0 = every frame)", 0, G_MAXINT64, NULL, TRUE},
  {TIME, AT (checkpoint_interval), "checkpoint-interval", "Checkpoint interval",
      "Nanoseconds from one checkpoint to the next (0 = only when training ends or stops)", 0, G_MAXINT64, NULL, TRUE},
  {COUNT, AT (options.seed), "seed", "Seed",
      "Where the random numbers start; the same seed and frames give the same model on the same machine"},
  {ENUM, AT (options.device), "device", "Device",
      "What computes", 0, 0, gst_mae_device_get_type},
  {ENUM, AT (options.precision), "precision", "Precision",
      "Number format of the matrix products: f32 or bf16, or what is fast here", 0, 0, gst_mae_precision_get_type},
  {INT, AT (options.threads), "threads", "Threads",
      "Threads that train (0 = GST_HEADS_THREADS from the environment, else one per processor)", 0, 1024},
  {FLAG, AT (decoder), "decoder", "Decoder",
      "Keep the decoder in the encoder file, for mae-decoder and further training"},
  {FLAG, AT (bfloat16), "bfloat16", "bfloat16",
      "Write the encoder file in half the space, rounded"},
  {FLAG, AT (parallel), "parallel", "Parallel",
      "Train together with the other processes that the environment tells of (RANK and WORLD_SIZE, or those of "
      "Open MPI or Slurm)"},
};

static gpointer
at (const GstMaeTrainerSettings *settings, const Property *property)
{
  return (gchar *) settings + property->offset;
}

void
gst_mae_trainer_settings_init (GstMaeTrainerSettings *s)
{
  *s = (GstMaeTrainerSettings) { .warmup = -1, .buffer_size = DEFAULT_BUFFER_SIZE, .start_after = DEFAULT_START_AFTER,
    .checkpoint_interval = DEFAULT_CHECKPOINT_INTERVAL, .decoder = TRUE, .parallel = TRUE
  };
  gh_mae_train_options_init (&s->options);
}

void
gst_mae_trainer_settings_clear (GstMaeTrainerSettings *s)
{
  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    if (table[i].type == TEXT)
      g_clear_pointer ((gchar **) at (s, &table[i]), g_free);
  }
}

GstMaeTrainerSettings
gst_mae_trainer_settings_copy (const GstMaeTrainerSettings *settings)
{
  GstMaeTrainerSettings copy = *settings;

  for (guint i = 0; i < G_N_ELEMENTS (table); i++) {
    gchar **text = at (&copy, &table[i]);

    if (table[i].type == TEXT)
      *text = g_strdup (*text);
  }
  return copy;
}

GhMaeTrainOptions
gst_mae_trainer_settings_options (const GstMaeTrainerSettings *s)
{
  GhMaeTrainOptions options = s->options;

  options.warmup = s->warmup >= 0 ? (guint64) s->warmup : MIN (options.warmup, options.steps / WARMUP_PART);
  return options;
}

/* ---- as properties --------------------------------------------------------------------------------- */

static GParamSpec *
spec_new (const Property *p, const GstMaeTrainerSettings *d)
{
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | (p->playing ? GST_PARAM_MUTABLE_PLAYING
      : GST_PARAM_MUTABLE_READY);
  gpointer def = at (d, p);

  switch (p->type) {
    case TEXT:
      return g_param_spec_string (p->name, p->nick, p->blurb, NULL, flags);
    case COUNT:
      return g_param_spec_uint64 (p->name, p->nick, p->blurb, p->low, p->high ? (guint64) p->high : G_MAXUINT64,
          *(guint64 *) def, flags);
    case TIME:
      return g_param_spec_uint64 (p->name, p->nick, p->blurb, 0, G_MAXINT64, *(guint64 *) def, flags);
    case SIGNED:
      return g_param_spec_int64 (p->name, p->nick, p->blurb, p->low, p->high, *(gint64 *) def, flags);
    case UINT:
      return g_param_spec_uint (p->name, p->nick, p->blurb, p->low, p->high, *(guint *) def, flags);
    case INT:
      return g_param_spec_int (p->name, p->nick, p->blurb, p->low, p->high, *(gint *) def, flags);
    case NUMBER:
      return g_param_spec_double (p->name, p->nick, p->blurb, p->low, p->high, *(gdouble *) def, flags);
    case FLAG:
      return g_param_spec_boolean (p->name, p->nick, p->blurb, *(gboolean *) def, flags);
    case ENUM:
      return g_param_spec_enum (p->name, p->nick, p->blurb, p->get_type (), *(gint *) def, flags);
  }
  return NULL;
}

guint
gst_mae_trainer_settings_install (GObjectClass *object_class)
{
  GstMaeTrainerSettings defaults;

  gst_mae_trainer_settings_init (&defaults);
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    g_object_class_install_property (object_class, i + 1, spec_new (&table[i], &defaults));
  gst_type_mark_as_plugin_api (mode_get_type (), 0);
  gst_type_mark_as_plugin_api (target_get_type (), 0);
  return G_N_ELEMENTS (table) + 1;
}

static void
set_text (gchar **setting, const GValue *value)
{
  const gchar *text = g_value_get_string (value);

  g_free (*setting);
  *setting = text && *text ? g_strdup (text) : NULL;
}

gboolean
gst_mae_trainer_settings_set (GstMaeTrainerSettings *settings, guint id, const GValue *value)
{
  const Property *property;
  gpointer to;

  if (id < 1 || id > G_N_ELEMENTS (table))
    return FALSE;
  property = &table[id - 1];
  to = at (settings, property);
  switch (property->type) {
    case TEXT:
      set_text (to, value);
      break;
    case COUNT:
    case TIME:
      *(guint64 *) to = g_value_get_uint64 (value);
      break;
    case SIGNED:
      *(gint64 *) to = g_value_get_int64 (value);
      break;
    case UINT:
      *(guint *) to = g_value_get_uint (value);
      break;
    case INT:
      *(gint *) to = g_value_get_int (value);
      break;
    case NUMBER:
      *(gdouble *) to = g_value_get_double (value);
      break;
    case FLAG:
      *(gboolean *) to = g_value_get_boolean (value);
      break;
    case ENUM:
      *(gint *) to = g_value_get_enum (value);
      break;
  }
  return TRUE;
}

gboolean
gst_mae_trainer_settings_get (const GstMaeTrainerSettings *settings, guint id, GValue *value)
{
  const Property *property;
  gpointer from;

  if (id < 1 || id > G_N_ELEMENTS (table))
    return FALSE;
  property = &table[id - 1];
  from = at (settings, property);
  switch (property->type) {
    case TEXT:
      g_value_set_string (value, *(gchar **) from);
      break;
    case COUNT:
    case TIME:
      g_value_set_uint64 (value, *(guint64 *) from);
      break;
    case SIGNED:
      g_value_set_int64 (value, *(gint64 *) from);
      break;
    case UINT:
      g_value_set_uint (value, *(guint *) from);
      break;
    case INT:
      g_value_set_int (value, *(gint *) from);
      break;
    case NUMBER:
      g_value_set_double (value, *(gdouble *) from);
      break;
    case FLAG:
      g_value_set_boolean (value, *(gboolean *) from);
      break;
    case ENUM:
      g_value_set_enum (value, *(gint *) from);
      break;
  }
  return TRUE;
}
