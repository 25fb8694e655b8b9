/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstdatasetwriter.c: see gstdatasetwriter.h. */
#include "gstdatasetwriter.h"
#include "gstdatasetentry.h"
#include "gstimageencoder.h"

#include "gst/common/gstcaptureinfo.h"

#include <time.h>

/* Frames between two looks at the limits; frames without a label that was asked for until that is told. */
enum { PRUNE_EVERY = 50, PATIENCE_FRAMES = 50 };

/* Outages that wait for a disk that takes nothing, and the time between two tries. */
enum { MAX_UNWRITTEN = 1000, RETRY_US = G_USEC_PER_SEC };

typedef struct {
  GstBuffer *frame;             /* NULL: an outage */
  GstCaps *caps;
  gint64 captured_at;
  GstStructure *outage;
  gboolean upload;
} Item;

struct _GstDatasetWriter {
  GstElement *element;
  GstDatasetSettings set;
  GMutex catalogue_lock;
  Catalogue *catalogue;
  GstImageEncoder *encoder;
  GThread *thread;
  GQueue unwritten;             /* outages as structures, begins and ends in order */
  guint since_prune;
  gint64 next_room;             /* monotonic, when the limits may make room again */
  gboolean warned;              /* since the last frame that was stored */
  gboolean warned_prune;        /* since the limits were last kept */
  CatalogueClock clock;
  gboolean warned_clock;        /* since it was last believed */
  guint described;              /* frames whose labels were looked for, up to PATIENCE_FRAMES */
  gboolean *label_seen, warned_labels;  /* label_seen: one for each label of the settings */
  void (*journaled) (gpointer data);
  gpointer journaled_data;

  GMutex lock;                  /* for what follows */
  GCond changed;
  GQueue items;
  gboolean busy, stopping, flushing, paused;
  guint64 frames, stored, duplicates, dropped, failed, corrupted;
};

static void
clear_item (Item *item)
{
  gst_clear_buffer (&item->frame);
  gst_clear_caps (&item->caps);
  g_clear_pointer (&item->outage, gst_structure_free);
}

/* ---- what a frame brings -------------------------------------------------------------------------------------------- */

/* Once, when frames enough have come, or all of them: a name that is written wrong would cost the labels of weeks. */
static void
warn_without_label (GstDatasetWriter *writer, guint enough)
{
  if (writer->warned_labels || writer->described < enough)
    return;
  for (guint i = 0; writer->set.labels && writer->set.labels[i]; i++)
    if (!writer->label_seen[i]) {
      writer->warned_labels = TRUE;
      GST_ELEMENT_WARNING (writer->element, STREAM, FORMAT, ("No frame so far carries the label %s. Set the property "
              "'labels' to META.FIELD of a custom meta that frames bring to %s.", writer->set.labels[i],
              GST_OBJECT_NAME (writer->element)), (NULL));
      return;
    }
}

static GBytes *
image_of (GstDatasetWriter *writer, const Item *item, GError **error)
{
  GBytes *image;
  GstMapInfo map;

  if (gst_structure_has_name (gst_caps_get_structure (item->caps, 0), "video/x-raw"))
    return gst_image_encoder_encode (writer->encoder, item->frame, item->caps, error);
  if (!gst_buffer_map (item->frame, &map, GST_MAP_READ)) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, "A frame's memory cannot be read here: put a "
        "download or videoconvert before this element");
    return NULL;
  }
  image = g_bytes_new (map.data, map.size);
  gst_buffer_unmap (item->frame, &map);
  return image;
}

/* ---- the disk ----------------------------------------------------------------------------------------------------------- */

static void
set_paused (GstDatasetWriter *writer, gboolean paused, const gchar *reason)
{
  gboolean changed;

  g_mutex_lock (&writer->lock);
  changed = writer->paused != paused;
  writer->paused = paused;
  g_mutex_unlock (&writer->lock);
  if (changed)
    gst_element_post_message (writer->element, gst_message_new_element (GST_OBJECT (writer->element),
            gst_structure_new (paused ? "dataset-paused" : "dataset-resumed", "reason", G_TYPE_STRING, reason, "location",
                G_TYPE_STRING, writer->set.location, NULL)));
}

/* Microseconds that no setting of a clock changes, those included in which the machine slept. */
static gint64
time_since_boot (void)
{
  struct timespec now;

  clock_gettime (CLOCK_BOOTTIME, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* The time by which images are old. */
static gint64
now_for_limits (GstDatasetWriter *writer)
{
  gint64 now = catalogue_clock_now (&writer->clock, g_get_real_time (), time_since_boot ());

  if (writer->clock.ahead && writer->set.limits.max_age && !writer->warned_clock)
    GST_ELEMENT_WARNING (writer->element, RESOURCE, SETTINGS, ("This machine's clock has jumped ahead by %.0f hours. "
            "For a day max-age goes by what it was, so that a wrong clock deletes no image; set it right, or restart "
            "where it is.",
            writer->clock.ahead / (gdouble) G_TIME_SPAN_HOUR), (NULL));
  writer->warned_clock = writer->clock.ahead != 0;
  return now;
}

static void
prune (GstDatasetWriter *writer)
{
  const CatalogueLimits *limits = &writer->set.limits;
  g_autoptr (GError) error = NULL;
  gboolean kept;

  if (limits->max_age == 0 && limits->max_bytes == 0 && limits->max_frames == 0)
    return;
  kept = catalogue_prune (gst_dataset_writer_borrow (writer), limits, now_for_limits (writer), FALSE, &error) >= 0;
  gst_dataset_writer_give_back (writer);
  if (!kept && !writer->warned_prune)
    GST_ELEMENT_WARNING (writer->element, RESOURCE, WRITE, ("Images beyond max-age, max-frames and max-bytes are not "
            "deleted, and the disk may fill: %s", error->message), (NULL));
  writer->warned_prune = !kept;
}

static gboolean
has_room (GstDatasetWriter *writer)
{
  return catalogue_free_bytes (writer->catalogue) >= writer->set.min_free;
}

static void
count (GstDatasetWriter *writer, guint64 *counter)
{
  g_mutex_lock (&writer->lock);
  (*counter)++;
  g_mutex_unlock (&writer->lock);
}

static void
say_failure (GstDatasetWriter *writer, const GError *error)
{
  if (g_error_matches (error, CATALOGUE_ERROR, CATALOGUE_ERROR_FULL))
    set_paused (writer, TRUE, "disk-full");
  else if (!writer->warned)
    GST_ELEMENT_WARNING (writer->element, RESOURCE, WRITE, ("Frames are not stored: %s", error->message), (NULL));
  writer->warned = TRUE;
}

static CatalogueOutcome
add (GstDatasetWriter *writer, const Item *item, gboolean *journaled, GError **error)
{
  CatalogueDestination to = { writer->set.service, writer->set.project };
  CatalogueOutcome outcome = CATALOGUE_FAILED;
  GstDatasetEntry entry;

  gst_dataset_entry_init (&entry, &writer->set, GST_OBJECT_NAME (writer->element), item->frame, item->caps,
      item->captured_at, writer->label_seen);
  writer->described += writer->described < PATIENCE_FRAMES;
  entry.frame.upload = item->upload ? &to : NULL;
  entry.frame.image = image_of (writer, item, error);
  if (entry.frame.image) {
    outcome = catalogue_add (gst_dataset_writer_borrow (writer), &entry.frame, NULL, journaled, error);
    gst_dataset_writer_give_back (writer);
  }
  gst_dataset_entry_clear (&entry);
  return outcome;
}

/* Not for each frame that comes while the disk is full: what the limits want to know, a large catalogue says in tenths of a
 * second. */
static void
make_room (GstDatasetWriter *writer)
{
  gint64 now = g_get_monotonic_time ();

  if (now < writer->next_room)
    return;
  prune (writer);
  writer->next_room = now + RETRY_US;
}

static void
store (GstDatasetWriter *writer, const Item *item)
{
  g_autoptr (GError) error = NULL;
  CatalogueOutcome outcome;
  gboolean journaled = FALSE;

  if (!has_room (writer)) {
    make_room (writer);
    if (!has_room (writer)) {
      set_paused (writer, TRUE, "disk-full");
      count (writer, &writer->dropped);
      return;
    }
  }
  outcome = add (writer, item, &journaled, &error);
  if (outcome == CATALOGUE_FAILED) {
    count (writer, &writer->failed);
    say_failure (writer, error);
    return;
  }
  count (writer, outcome == CATALOGUE_STORED ? &writer->stored : &writer->duplicates);
  set_paused (writer, FALSE, "disk-full");
  writer->warned = FALSE;
  if (journaled && writer->journaled)
    writer->journaled (writer->journaled_data);
  if (++writer->since_prune >= PRUNE_EVERY) {
    writer->since_prune = 0;
    prune (writer);
  }
}

static gboolean
write_outage (GstDatasetWriter *writer, const GstStructure *structure, GError **error)
{
  GstCaptureOutage outage = { FALSE };
  const gchar *source;
  Catalogue *catalogue;
  gboolean written;

  gst_capture_outage_parse (structure, &outage);
  source = writer->set.source ? writer->set.source : outage.source;
  catalogue = gst_dataset_writer_borrow (writer);
  written = outage.begins ? catalogue_begin_outage (catalogue, source, outage.at, outage.reason, outage.detail, error)
      : catalogue_end_outage (catalogue, source, outage.at, error);
  gst_dataset_writer_give_back (writer);
  return written;
}

/* Those that cannot be written stay. */
static void
write_outages (GstDatasetWriter *writer)
{
  g_autoptr (GError) error = NULL;
  GstStructure *outage;

  while ((outage = g_queue_peek_head (&writer->unwritten)) && write_outage (writer, outage, &error))
    gst_structure_free (g_queue_pop_head (&writer->unwritten));
  if (error)
    say_failure (writer, error);
}

static void
take_outage (GstDatasetWriter *writer, Item *item)
{
  if (writer->unwritten.length < MAX_UNWRITTEN)
    g_queue_push_tail (&writer->unwritten, g_steal_pointer (&item->outage));
}

/* ---- the thread --------------------------------------------------------------------------------------------------------- */

/* The item may be empty, when outages are to be tried again. FALSE: it is over. */
static gboolean
next (GstDatasetWriter *writer, Item *item)
{
  gint64 retry = writer->unwritten.length ? g_get_monotonic_time () + RETRY_US : G_MAXINT64;
  g_autofree Item *head = NULL;
  gboolean over;

  g_mutex_lock (&writer->lock);
  writer->busy = FALSE;
  g_cond_broadcast (&writer->changed);
  while ((head = g_queue_pop_head (&writer->items)) == NULL && !writer->stopping
      && g_cond_wait_until (&writer->changed, &writer->lock, retry)) {
  }
  writer->busy = head != NULL;
  over = head == NULL && writer->stopping;
  g_cond_broadcast (&writer->changed);
  g_mutex_unlock (&writer->lock);
  *item = head ? *head : (Item) { NULL };
  return !over;
}

static gpointer
run (gpointer data)
{
  GstDatasetWriter *writer = data;
  Item item;

  while (next (writer, &item)) {
    if (item.frame)
      store (writer, &item);
    else if (item.outage)
      take_outage (writer, &item);
    clear_item (&item);
    write_outages (writer);
    warn_without_label (writer, PATIENCE_FRAMES);
  }
  prune (writer);
  write_outages (writer);
  g_queue_clear_full (&writer->unwritten, (GDestroyNotify) gst_structure_free);
  return NULL;
}

/* A crash leaves one at most. */
static void
warn_of_strays (GstElement *element, const Catalogue *catalogue)
{
  guint n = catalogue_strays (catalogue);

  if (n > 1)
    GST_ELEMENT_WARNING (element, RESOURCE, READ, ("%u images that the catalogue does not know were moved to %s/lost", n,
            catalogue_folder (catalogue)), ("Was catalogue.sqlite there replaced by an older one or removed?"));
}

GstDatasetWriter *
gst_dataset_writer_new (GstElement *element, GstDatasetSettings *settings, GError **error)
{
  g_autoptr (GError) problem = NULL;
  GstImageEncoder *encoder = gst_image_encoder_new (settings->quality, error);
  Catalogue *catalogue = encoder ? catalogue_open (settings->location, &problem) : NULL;
  GstDatasetWriter *writer;

  if (catalogue == NULL) {
    if (problem)
      g_set_error_literal (error, GST_RESOURCE_ERROR, problem->code == CATALOGUE_ERROR_BUSY ? GST_RESOURCE_ERROR_BUSY
          : GST_RESOURCE_ERROR_OPEN_WRITE, problem->message);
    gst_image_encoder_free (encoder);
    gst_dataset_settings_clear (settings);
    return NULL;
  }
  writer = g_new0 (GstDatasetWriter, 1);
  writer->element = element;
  writer->set = *settings;
  *settings = (GstDatasetSettings) { NULL };
  writer->catalogue = catalogue;
  writer->encoder = encoder;
  catalogue_clock_init (&writer->clock, g_get_real_time (), time_since_boot ());
  writer->label_seen = g_new0 (gboolean, writer->set.labels ? g_strv_length (writer->set.labels) : 0);
  g_mutex_init (&writer->catalogue_lock);
  g_mutex_init (&writer->lock);
  g_cond_init (&writer->changed);
  g_queue_init (&writer->items);
  g_queue_init (&writer->unwritten);
  writer->thread = g_thread_new ("dataset", run, writer);
  warn_of_strays (element, catalogue);
  return writer;
}

void
gst_dataset_writer_finish (GstDatasetWriter *writer)
{
  g_mutex_lock (&writer->lock);
  writer->stopping = TRUE;
  g_cond_broadcast (&writer->changed);
  g_mutex_unlock (&writer->lock);
  if (writer->thread)
    g_thread_join (writer->thread);
  writer->thread = NULL;
}

void
gst_dataset_writer_free (GstDatasetWriter *writer)
{
  if (writer == NULL)
    return;
  gst_dataset_writer_finish (writer);
  catalogue_close (writer->catalogue);
  gst_image_encoder_free (writer->encoder);
  gst_dataset_settings_clear (&writer->set);
  g_free (writer->label_seen);
  g_cond_clear (&writer->changed);
  g_mutex_clear (&writer->lock);
  g_mutex_clear (&writer->catalogue_lock);
  g_free (writer);
}

/* ---- for other threads ------------------------------------------------------------------------------------------------- */

Catalogue *
gst_dataset_writer_borrow (GstDatasetWriter *writer)
{
  g_mutex_lock (&writer->catalogue_lock);
  return writer->catalogue;
}

void
gst_dataset_writer_give_back (GstDatasetWriter *writer)
{
  g_mutex_unlock (&writer->catalogue_lock);
}

void
gst_dataset_writer_on_journaled (GstDatasetWriter *writer, void (*journaled) (gpointer data), gpointer data)
{
  writer->journaled = journaled;
  writer->journaled_data = data;
}

/* ---- for the streaming thread --------------------------------------------------------------------------------------------- */

gboolean
gst_dataset_writer_add (GstDatasetWriter *writer, GstBuffer *frame, GstCaps *caps, gint64 captured_at, gboolean upload,
    gboolean wait)
{
  Item item = { gst_buffer_ref (frame), gst_caps_ref (caps), captured_at, NULL, upload };
  gboolean room;

  g_mutex_lock (&writer->lock);
  writer->frames++;
  while (wait && !writer->flushing && writer->items.length >= writer->set.queue)
    g_cond_wait (&writer->changed, &writer->lock);
  room = !writer->flushing && writer->items.length < writer->set.queue;
  if (room) {
    g_queue_push_tail (&writer->items, g_memdup2 (&item, sizeof item));
    g_cond_broadcast (&writer->changed);
  } else {
    writer->dropped++;
  }
  wait = !writer->flushing;
  g_mutex_unlock (&writer->lock);
  if (!room)
    clear_item (&item);
  return wait;
}

void
gst_dataset_writer_pass_corrupted (GstDatasetWriter *writer)
{
  count (writer, &writer->corrupted);
}

void
gst_dataset_writer_add_outage (GstDatasetWriter *writer, const GstStructure *outage)
{
  GstCaptureOutage parsed;
  Item item = { NULL };

  if (!gst_capture_outage_parse (outage, &parsed))
    return;
  item.outage = gst_structure_copy (outage);
  g_mutex_lock (&writer->lock);
  g_queue_push_tail (&writer->items, g_memdup2 (&item, sizeof item));
  g_cond_broadcast (&writer->changed);
  g_mutex_unlock (&writer->lock);
}

gboolean
gst_dataset_writer_drain (GstDatasetWriter *writer)
{
  gboolean done;

  g_mutex_lock (&writer->lock);
  while (!writer->flushing && (writer->busy || writer->items.length > 0))
    g_cond_wait (&writer->changed, &writer->lock);
  done = !writer->flushing;
  g_mutex_unlock (&writer->lock);
  if (done)
    warn_without_label (writer, 1);     /* the thread has nothing to do, and waits */
  return done;
}

void
gst_dataset_writer_set_flushing (GstDatasetWriter *writer, gboolean flushing)
{
  g_mutex_lock (&writer->lock);
  writer->flushing = flushing;
  g_cond_broadcast (&writer->changed);
  g_mutex_unlock (&writer->lock);
}

gboolean
gst_dataset_writer_has_place (GstDatasetWriter *writer)
{
  gboolean place;

  g_mutex_lock (&writer->lock);
  place = writer->items.length < writer->set.queue;
  g_mutex_unlock (&writer->lock);
  return place;
}

GstStructure *
gst_dataset_writer_describe (GstDatasetWriter *writer)
{
  GstStructure *description;

  g_mutex_lock (&writer->lock);
  description = gst_structure_new ("dataset-sink-statistics", "frames", G_TYPE_UINT64, writer->frames,
      "stored", G_TYPE_UINT64, writer->stored, "duplicates", G_TYPE_UINT64, writer->duplicates,
      "dropped", G_TYPE_UINT64, writer->dropped, "failed", G_TYPE_UINT64, writer->failed,
      "corrupted", G_TYPE_UINT64, writer->corrupted,
      "paused", G_TYPE_BOOLEAN, writer->paused, "waiting", G_TYPE_UINT, writer->items.length, NULL);
  g_mutex_unlock (&writer->lock);
  gst_structure_set (description, "bytes-free", G_TYPE_UINT64, catalogue_free_bytes (writer->catalogue), NULL);
  return description;
}
