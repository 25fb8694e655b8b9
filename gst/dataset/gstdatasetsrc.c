/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-dataset-src
 * @title: dataset-src
 *
 * Replays the frames that #GstDatasetSink kept: in the order of time or shuffled, once or for many epochs, all of them or
 * those of a source, a span of time, with labels or without. With #GstDatasetSrc:split frames are divided by blocks of time,
 * so that training and testing never see neighbours.
 *
 * Frames are decoded as they were stored and pushed as fast as downstream takes them, a tenth of a second apart. With them
 * travel the capture time and source (#GstCustomMeta "GstCaptureInfo") and, where there are any, the labels (#GstCustomMeta
 * "GstFrameLabels": a string field per task), which head-trainer reads by label=GstFrameLabels.people.
 *
 * A dataset may be replayed while another process fills it: what was there at the start is replayed. An image that is gone
 * or damaged is left out with a warning and counted. Decoded frames stay in memory up to #GstDatasetSrc:cache-size, which
 * saves decoding them again in later epochs.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -e plaza-test-src shuffle=true num-buffers=60 ! \
 *   dataset-sink location=plaza labels=GstPlazaTruth.people && \
 * gst-launch-1.0 dataset-src location=plaza labeled=labeled ! mae-encoder ! \
 *   head-trainer label=GstFrameLabels.people kind=count location=people.safetensors
 * ]| Sixty frames are kept, with how many people are on each; then a head is trained on them.
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstdatasetsrc.h"

#include "gst/common/gstcaptureinfo.h"
#include "gst/common/gstframelabels.h"
#include "gst/common/gstimagefile.h"
#include "gst/common/gstposterror.h"
#include "gstdatasetplan.h"

GST_DEBUG_CATEGORY_STATIC (gst_dataset_src_debug);
#define GST_CAT_DEFAULT gst_dataset_src_debug

#define FRAME_DURATION (GST_SECOND / 10)
#define DEFAULT_EPOCHS 1
#define DEFAULT_SPLIT_BLOCK (GST_SECOND * 3600)
#define DEFAULT_SPLIT_TEST 0.2
#define DEFAULT_CACHE_SIZE (G_GUINT64_CONSTANT (256) << 20)

enum {
  PROP_0, PROP_LOCATION, PROP_SOURCE, PROP_AFTER, PROP_BEFORE, PROP_LABELED, PROP_SPLIT, PROP_SPLIT_BLOCK, PROP_SPLIT_TEST,
  PROP_SHUFFLE, PROP_SEED, PROP_EPOCHS, PROP_CACHE_SIZE, PROP_STATS
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw"));

struct _GstDatasetSrc {
  GstPushSrc parent;

  /* Properties and counts, under the object lock. */
  GstDatasetChoice choice;
  gboolean shuffle;
  guint64 seed, cache_size;
  guint epochs;
  guint64 frames, failed, epochs_done;

  /* The stream; only the streaming thread, or nobody while it is stopped. */
  GArray *plan;                 /* of GstDatasetFrame */
  GstSample **cache;            /* [plan->len], NULL where nothing is kept */
  guint64 cached;               /* bytes */
  guint epoch, next;
  guint64 sent, sent_before;    /* before this epoch */
  GstCaps *caps;
};

G_DEFINE_TYPE (GstDatasetSrc, gst_dataset_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (dataset_src, "dataset-src", GST_RANK_NONE, GST_TYPE_DATASET_SRC);

static GType
labeled_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    { GST_DATASET_ALL, "All frames", "all" },
    { GST_DATASET_LABELED, "Frames with a label", "labeled" },
    { GST_DATASET_UNLABELED, "Frames without one", "unlabeled" },
    { 0, NULL, NULL }
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstDatasetSrcLabeled", values));
  return type;
}

static GType
split_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    { GST_DATASET_WHOLE, "All blocks of time", "all" },
    { GST_DATASET_TRAIN, "The blocks for training", "train" },
    { GST_DATASET_TEST, "The blocks for testing", "test" },
    { 0, NULL, NULL }
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstDatasetSrcSplit", values));
  return type;
}

/* ---- properties -------------------------------------------------------------------------------------------------------- */

/* Empty text counts as none. */
static void
set_text (gchar **text, const GValue *value)
{
  const gchar *given = g_value_get_string (value);

  g_free (*text);
  *text = given && *given ? g_strdup (given) : NULL;
}

static void
gst_dataset_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstDatasetSrc *self = GST_DATASET_SRC (object);
  GstDatasetChoice *choice = &self->choice;

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      set_text (&choice->location, value);
      break;
    case PROP_SOURCE:
      set_text (&choice->source, value);
      break;
    case PROP_AFTER:
      set_text (&choice->after, value);
      break;
    case PROP_BEFORE:
      set_text (&choice->before, value);
      break;
    case PROP_LABELED:
      choice->labeled = g_value_get_enum (value);
      break;
    case PROP_SPLIT:
      choice->split = g_value_get_enum (value);
      break;
    case PROP_SPLIT_BLOCK:
      choice->split_block = g_value_get_uint64 (value);
      break;
    case PROP_SPLIT_TEST:
      choice->split_test = g_value_get_double (value);
      break;
    case PROP_SHUFFLE:
      self->shuffle = g_value_get_boolean (value);
      break;
    case PROP_SEED:
      self->seed = g_value_get_uint64 (value);
      break;
    case PROP_EPOCHS:
      self->epochs = g_value_get_uint (value);
      break;
    case PROP_CACHE_SIZE:
      self->cache_size = g_value_get_uint64 (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

/* With the object lock held. */
static GstStructure *
describe (GstDatasetSrc *self)
{
  return gst_structure_new ("dataset-src-stats", "frames", G_TYPE_UINT64, self->frames, "failed", G_TYPE_UINT64,
      self->failed, "epochs", G_TYPE_UINT64, self->epochs_done, NULL);
}

static void
gst_dataset_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstDatasetSrc *self = GST_DATASET_SRC (object);
  const GstDatasetChoice *choice = &self->choice;

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_LOCATION:
      g_value_set_string (value, choice->location);
      break;
    case PROP_SOURCE:
      g_value_set_string (value, choice->source);
      break;
    case PROP_AFTER:
      g_value_set_string (value, choice->after);
      break;
    case PROP_BEFORE:
      g_value_set_string (value, choice->before);
      break;
    case PROP_LABELED:
      g_value_set_enum (value, choice->labeled);
      break;
    case PROP_SPLIT:
      g_value_set_enum (value, choice->split);
      break;
    case PROP_SPLIT_BLOCK:
      g_value_set_uint64 (value, choice->split_block);
      break;
    case PROP_SPLIT_TEST:
      g_value_set_double (value, choice->split_test);
      break;
    case PROP_SHUFFLE:
      g_value_set_boolean (value, self->shuffle);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, self->seed);
      break;
    case PROP_EPOCHS:
      g_value_set_uint (value, self->epochs);
      break;
    case PROP_CACHE_SIZE:
      g_value_set_uint64 (value, self->cache_size);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, describe (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  GST_OBJECT_UNLOCK (self);
}

static void
clear_choice (GstDatasetChoice *choice)
{
  g_free (choice->location);
  g_free (choice->source);
  g_free (choice->after);
  g_free (choice->before);
}

/* A copy, so that reading the dataset holds no lock. */
static GstDatasetChoice
copy_choice (GstDatasetSrc *self)
{
  GstDatasetChoice copy;

  GST_OBJECT_LOCK (self);
  copy = self->choice;
  copy.location = g_strdup (copy.location);
  copy.source = g_strdup (copy.source);
  copy.after = g_strdup (copy.after);
  copy.before = g_strdup (copy.before);
  GST_OBJECT_UNLOCK (self);
  return copy;
}

static void
gst_dataset_src_finalize (GObject *object)
{
  clear_choice (&GST_DATASET_SRC (object)->choice);
  G_OBJECT_CLASS (gst_dataset_src_parent_class)->finalize (object);
}

/* ---- the stream -------------------------------------------------------------------------------------------------------- */

static gboolean
gst_dataset_src_start (GstBaseSrc *base)
{
  GstDatasetSrc *self = GST_DATASET_SRC (base);
  GstDatasetChoice choice = copy_choice (self);
  g_autoptr (GError) error = NULL;

  if (choice.location == NULL)
    g_set_error (&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
        "No dataset is named. Set the property 'location' to the folder that dataset-sink filled");
  else
    self->plan = gst_dataset_plan (&choice, &error);
  clear_choice (&choice);
  if (self->plan == NULL) {
    GST_ELEMENT_POST_ERROR (self, error);
    return FALSE;
  }
  GST_INFO_OBJECT (self, "%u frames", self->plan->len);
  self->cache = g_new0 (GstSample *, self->plan->len);
  self->cached = self->sent = self->sent_before = 0;
  self->epoch = self->next = 0;
  GST_OBJECT_LOCK (self);
  if (self->epochs && self->plan->len <= G_MAXINT64 / FRAME_DURATION / self->epochs)
    base->segment.duration = (guint64) self->plan->len * self->epochs * FRAME_DURATION; /* less, where some are damaged */
  self->frames = self->failed = self->epochs_done = 0;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

static gboolean
gst_dataset_src_stop (GstBaseSrc *base)
{
  GstDatasetSrc *self = GST_DATASET_SRC (base);

  for (guint i = 0; self->cache && i < self->plan->len; i++)
    if (self->cache[i])
      gst_sample_unref (self->cache[i]);
  g_clear_pointer (&self->cache, g_free);
  g_clear_pointer (&self->plan, g_array_unref);
  gst_clear_caps (&self->caps);
  return TRUE;
}

/* Caps come with the frames. */
static gboolean
gst_dataset_src_negotiate (GstBaseSrc *base)
{
  return TRUE;
}

/* FALSE: all epochs are over. With the object lock held. */
static gboolean
begin_epoch (GstDatasetSrc *self)
{
  self->epochs_done++;
  self->epoch++;
  self->next = 0;
  return self->epochs == 0 || self->epoch < self->epochs;
}

static GstSample *
read_frame (GstDatasetSrc *self, guint index, guint64 cache_size)
{
  const GstDatasetFrame *frame = &g_array_index (self->plan, GstDatasetFrame, index);
  g_autoptr (GError) error = NULL;
  GstSample *sample;
  gsize size;

  if (self->cache[index])
    return gst_sample_ref (self->cache[index]);
  sample = gst_image_file_read (frame->file, &error);
  if (sample == NULL) {
    GST_ELEMENT_WARNING (self, RESOURCE, READ, ("%s. The frame is left out; \"gst-heads dataset verify\" finds all such",
            error->message), (NULL));
    return NULL;
  }
  size = gst_buffer_get_size (gst_sample_get_buffer (sample));
  if (self->cached + size <= cache_size) {
    self->cached += size;
    self->cache[index] = gst_sample_ref (sample);
  }
  return sample;
}

static GstBuffer *
dress (GstDatasetSrc *self, GstSample *sample, const GstDatasetFrame *frame)
{
  GstBuffer *buffer = gst_buffer_copy (gst_sample_get_buffer (sample));
  const GstCaptureInfo info = { .source = frame->source, .captured_at = frame->captured_at,
    .received_at = frame->captured_at, .media_sequence = G_MAXUINT64 };

  gst_buffer_add_capture_info (buffer, &info);
  if (frame->labels)
    gst_buffer_add_frame_labels (buffer, frame->labels);
  GST_BUFFER_PTS (buffer) = self->sent * FRAME_DURATION;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION (buffer) = FRAME_DURATION;
  GST_BUFFER_OFFSET (buffer) = self->sent;
  GST_BUFFER_OFFSET_END (buffer) = self->sent + 1;
  GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  return buffer;
}

/* Decoders give still pictures no rate; here there is one. */
static gboolean
use_caps (GstDatasetSrc *self, GstSample *sample)
{
  GstCaps *caps = gst_caps_copy (gst_sample_get_caps (sample));
  gboolean set = TRUE;

  gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION, (gint) (GST_SECOND / FRAME_DURATION), 1, NULL);
  if (self->caps == NULL || !gst_caps_is_equal (caps, self->caps)) {
    set = gst_base_src_set_caps (GST_BASE_SRC (self), caps);
    gst_caps_replace (&self->caps, caps);
  }
  gst_caps_unref (caps);
  return set;
}

/* The number of the next frame in the plan; -1 when all is done, or an epoch passed without one frame that could be read. */
static gint
next_index (GstDatasetSrc *self, guint64 *cache_size)
{
  gint index = -1;

  GST_OBJECT_LOCK (self);
  *cache_size = self->cache_size;
  if (self->next < self->plan->len || (self->sent > self->sent_before && begin_epoch (self))) {
    if (self->next == 0)
      self->sent_before = self->sent;
    index = (gint) (self->shuffle ? gst_dataset_plan_shuffled (self->next, self->plan->len, self->seed, self->epoch)
        : self->next);
    self->next++;
  }
  GST_OBJECT_UNLOCK (self);
  return index;
}

static GstFlowReturn
gst_dataset_src_create (GstPushSrc *push, GstBuffer **buffer)
{
  GstDatasetSrc *self = GST_DATASET_SRC (push);
  g_autoptr (GstSample) sample = NULL;
  guint64 cache_size;
  gint index = -1;

  while (sample == NULL && (index = next_index (self, &cache_size)) >= 0) {
    sample = read_frame (self, (guint) index, cache_size);
    GST_OBJECT_LOCK (self);
    self->frames += sample != NULL;
    self->failed += sample == NULL;
    GST_OBJECT_UNLOCK (self);
  }
  if (sample == NULL) {
    if (self->sent > 0)
      return GST_FLOW_EOS;
    GST_ELEMENT_ERROR (self, RESOURCE, READ, ("None of the %u frames can be read; \"gst-heads dataset verify\" says why",
            self->plan->len), (NULL));
    return GST_FLOW_ERROR;
  }
  if (!use_caps (self, sample))
    return GST_FLOW_NOT_NEGOTIATED;
  *buffer = dress (self, sample, &g_array_index (self->plan, GstDatasetFrame, index));
  self->sent++;
  return GST_FLOW_OK;
}

/* ---- the class ---------------------------------------------------------------------------------------------------------- */

static void
install_properties (GObjectClass *klass)
{
  const GParamFlags ready = G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY;

  g_object_class_install_property (klass, PROP_LOCATION, g_param_spec_string ("location", "Location",
          "Folder of the dataset", NULL, ready));
  g_object_class_install_property (klass, PROP_SOURCE, g_param_spec_string ("source", "Source",
          "Only frames of this source", NULL, ready));
  g_object_class_install_property (klass, PROP_AFTER, g_param_spec_string ("after", "After",
          "Only frames captured at this time or later (ISO 8601, UTC where it does not say)", NULL, ready));
  g_object_class_install_property (klass, PROP_BEFORE, g_param_spec_string ("before", "Before",
          "Only frames captured before this time", NULL, ready));
  g_object_class_install_property (klass, PROP_LABELED, g_param_spec_enum ("labeled", "Labeled",
          "Frames with a label, without one, or all", labeled_type (), GST_DATASET_ALL, ready));
  g_object_class_install_property (klass, PROP_SPLIT, g_param_spec_enum ("split", "Split",
          "Frames of the blocks of time for training, of those for testing, or all", split_type (), GST_DATASET_WHOLE, ready));
  g_object_class_install_property (klass, PROP_SPLIT_BLOCK, g_param_spec_uint64 ("split-block", "Split block",
          "Nanoseconds of a block of time", GST_USECOND, G_MAXINT64, DEFAULT_SPLIT_BLOCK, ready));
  g_object_class_install_property (klass, PROP_SPLIT_TEST, g_param_spec_double ("split-test", "Split test",
          "Share of the blocks that are for testing", 0, 1, DEFAULT_SPLIT_TEST, ready));
  g_object_class_install_property (klass, PROP_SHUFFLE, g_param_spec_boolean ("shuffle", "Shuffle",
          "Frames in random order, another in each epoch, instead of the order of time", FALSE, ready));
  g_object_class_install_property (klass, PROP_SEED, g_param_spec_uint64 ("seed", "Seed",
          "Where the random order starts; the same seed gives the same order", 0, G_MAXUINT64, 1, ready));
  g_object_class_install_property (klass, PROP_EPOCHS, g_param_spec_uint ("epochs", "Epochs",
          "How often the frames are replayed (0 = without end)", 0, G_MAXUINT, DEFAULT_EPOCHS, ready));
  g_object_class_install_property (klass, PROP_CACHE_SIZE, g_param_spec_uint64 ("cache-size", "Cache size",
          "Bytes of decoded frames to keep in memory for later epochs", 0, G_MAXUINT64, DEFAULT_CACHE_SIZE, ready));
  /**
   * GstDatasetSrc:stats:
   *
   * `frames` (guint64) that were pushed, `failed` (guint64) that could not be read, `epochs` (guint64) that are over.
   */
  g_object_class_install_property (klass, PROP_STATS, g_param_spec_boxed ("stats", "Statistics",
          "Frames pushed and failed, epochs", GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_dataset_src_class_init (GstDatasetSrcClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (gst_dataset_src_debug, "dataset-src", 0, "frames of a dataset, replayed");
  object_class->set_property = gst_dataset_src_set_property;
  object_class->get_property = gst_dataset_src_get_property;
  object_class->finalize = gst_dataset_src_finalize;
  base_class->start = gst_dataset_src_start;
  base_class->stop = gst_dataset_src_stop;
  base_class->negotiate = gst_dataset_src_negotiate;
  GST_PUSH_SRC_CLASS (klass)->create = gst_dataset_src_create;
  install_properties (object_class);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Dataset source", "Source/Video",
      "Replays the frames that dataset-sink kept, with their labels", "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example",
      "gst-launch-1.0 dataset-src location=plaza labeled=labeled ! mae-encoder ! head-trainer label=GstFrameLabels.people "
      "kind=count location=people.safetensors");
  gst_type_mark_as_plugin_api (labeled_type (), 0);
  gst_type_mark_as_plugin_api (split_type (), 0);
}

static void
gst_dataset_src_init (GstDatasetSrc *self)
{
  self->choice.split_block = DEFAULT_SPLIT_BLOCK;
  self->choice.split_test = DEFAULT_SPLIT_TEST;
  self->seed = 1;
  self->epochs = DEFAULT_EPOCHS;
  self->cache_size = DEFAULT_CACHE_SIZE;
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
}
