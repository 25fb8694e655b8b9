/* SPDX-License-Identifier: LGPL-2.1-or-later
 * frame-source.c: see the header. */
#include "frame-source.h"
#include "image-batch.h"
#include "image-damage.h"
#include "pipeline-file.h"
#include "redact.h"
#include "tools.h"
#include "models/gh-error.h"

#include <gio/gio.h>
#include <string.h>

#define WAIT (100 * GST_MSECOND)

static gboolean
cancelled (GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
  return FALSE;
}

/* ---- a folder of images ---------------------------------------------------------------------------------- */

static gboolean
is_image (const char *name)
{
  static const char *const endings[] = { ".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm", ".pgm" };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    if (g_str_has_suffix (lower, endings[i]))
      return TRUE;
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Bounds may leave out the ending: "seq_000800" takes "seq_000800.jpg". */
static gboolean
is_within (const char *name, const char *from, const char *to)
{
  return (!from || strcmp (name, from) >= 0) && (!to || strncmp (name, to, strlen (to)) <= 0);
}

/* The days of a dataset lie two deep; a link may lead in a circle. */
#define DEEPEST 8

/* Adds the names, from the source's folder on, of the images in a folder below it (NULL: itself), or of those in its own
 * folders where it has none. FALSE when it cannot be read. */
static gboolean
add_images (GPtrArray *names, const GhFrameSource *source, const char *below, int depth)
{
  g_autofree char *path = below ? g_build_filename (source->images, below, NULL) : g_strdup (source->images);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autoptr (GPtrArray) folders = g_ptr_array_new_with_free_func (g_free);
  gboolean has_images = FALSE;
  const char *name;

  if (!dir)
    return FALSE;
  while ((name = g_dir_read_name (dir))) {
    g_autofree char *full = g_build_filename (path, name, NULL);
    g_autofree char *from_folder = below ? g_build_filename (below, name, NULL) : g_strdup (name);

    if (is_image (name)) {
      has_images = TRUE;
      if (is_within (from_folder, source->from, source->to))
        g_ptr_array_add (names, g_steal_pointer (&from_folder));
    } else if (depth < DEEPEST && name[0] != '.' && g_file_test (full, G_FILE_TEST_IS_DIR)) {
      g_ptr_array_add (folders, g_steal_pointer (&from_folder));
    }
  }
  for (guint i = 0; !has_images && i < folders->len; i++)
    add_images (names, source, folders->pdata[i], depth + 1);
  return TRUE;
}

static GPtrArray *
list_images (const GhFrameSource *source, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *shown = g_filename_display_name (source->images);

  if (!add_images (names, source, NULL, 0)) {
    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, g_file_test (source->images, G_FILE_TEST_IS_DIR)
        ? "%s: this user may not read that folder" : "%s: there is no such folder of images", shown);
    return NULL;
  }
  g_ptr_array_sort (names, compare_names);
  if (names->len > 0)
    return g_steal_pointer (&names);
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: there is no image%s in it", shown, source->from || source->to
      ? " between --from and --to" : "");
  return NULL;
}

typedef struct {
  const GhFrameSource *source;
  GhFrameStore *store;
  GhImageBatch *batch;
  GhImageDamage damage;
} Folder;

static gboolean
push_images (Folder *folder, const char *const *names, int n, GError **error)
{
  const gsize stride = (gsize) gh_frame_store_width (folder->store) * 3;
  GError *problems[GH_IMAGE_BATCH];
  const guint8 *rgb = gh_image_batch_read (folder->batch, folder->source->images, names, n, &folder->source->crop, problems);
  gboolean good = TRUE;

  for (int i = 0; i < n; i++) {
    GError *unfit = NULL;

    if (!good)
      g_clear_error (&problems[i]);
    else if (gh_image_damage_passes (&folder->damage, names[i], problems[i], &unfit))
      good = gh_frame_store_push (folder->store, rgb + i * stride * gh_frame_store_height (folder->store), stride, error);
    else
      good = !unfit;
    if (unfit)
      g_propagate_error (error, unfit);
  }
  return good;
}

static gboolean
push_folder (Folder *folder, const GPtrArray *names, GError **error)
{
  for (guint at = 0; at < names->len; at += GH_IMAGE_BATCH) {
    if (!gh_tool_progress ((double) at / names->len, "reading images", folder->damage.progress))
      return cancelled (error);
    if (!push_images (folder, (const char *const *) names->pdata + at, MIN (GH_IMAGE_BATCH, names->len - at), error))
      return FALSE;
  }
  gh_tool_progress (1, "reading images", folder->damage.progress);
  gh_tool_progress_end (folder->damage.progress);
  gh_image_damage_tell (&folder->damage);
  return TRUE;
}

static gboolean
fill_from_images (const GhFrameSource *source, GhFrameStore *store, GhToolProgress *progress, GError **error)
{
  g_autoptr (GPtrArray) names = list_images (source, error);
  Folder folder = { source, store };
  gboolean filled;

  if (!names)
    return FALSE;
  gh_image_damage_init (&folder.damage, source->images, (char *const *) names->pdata, names->len, progress);
  folder.batch = gh_image_batch_new (gh_frame_store_width (store), gh_frame_store_height (store));
  filled = push_folder (&folder, names, error);
  gh_image_batch_free (folder.batch);
  return filled;
}

/* ---- a pipeline ------------------------------------------------------------------------------------------ */

/* What the pipeline's thread needs. */
typedef struct {
  const GhFrameSource *source;
  GhFrameStore *store;
  GstFrameScaler *scaler;
  GstCaps *caps;                /* of the frame before */
  GstVideoInfo info;
  gboolean known, live;         /* whether the source is live, asked at the first frame */
  GError *error;                /* the first one; then the rest is passed over */
  gint over;                    /* atomic: error is set, or a live source has yielded enough */
} Feed;

/* What comes from a live source may never end. */
static gboolean
has_enough (Feed *feed, GstPad *pad)
{
  g_autoptr (GstQuery) query = NULL;

  if (!feed->known) {
    query = gst_query_new_latency ();
    if (gst_pad_peer_query (pad, query))
      gst_query_parse_latency (query, &feed->live, NULL, NULL);
    feed->known = TRUE;
  }
  return feed->live && gh_frame_store_pushed (feed->store) >= gh_frame_store_capacity (feed->store);
}

static gboolean
take_frame (Feed *feed, GstBuffer *frame, GstCaps *caps, GError **error)
{
  g_autoptr (GstBuffer) cropped = NULL;
  const guint8 *rgb;
  gsize stride;

  if (caps != feed->caps) {
    if (!caps || !gst_video_info_from_caps (&feed->info, caps)
        || !gst_frame_scaler_set_info (feed->scaler, &feed->info)) {
      g_set_error (error, GH_ERROR, GH_ERROR_DATA, "what the source yields is no raw video that can be converted");
      return FALSE;
    }
    gst_caps_replace (&feed->caps, caps);
  }
  cropped = gst_buffer_copy (frame);
  if (!gh_crop_attach (cropped, &feed->info, &feed->source->crop, "the source's video", error))
    return FALSE;
  rgb = gst_frame_scaler_scale (feed->scaler, cropped, &stride);
  if (!rgb) {
    g_set_error (error, GH_ERROR, GH_ERROR_DATA, "a frame does not hold the picture its caps promise");
    return FALSE;
  }
  return gh_frame_store_push (feed->store, rgb, stride, error);
}

static void
on_handoff (GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
  Feed *feed = data;
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

  if (g_atomic_int_get (&feed->over))
    return;
  if (!take_frame (feed, buffer, caps, &feed->error) || has_enough (feed, pad))
    g_atomic_int_set (&feed->over, TRUE);
}

/* "elements" or the text of a file with its variables filled in. */
static char *
source_text (const GhFrameSource *source, GError **error)
{
  g_autoptr (GhPipelineFile) file = NULL;
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);

  if (!g_str_has_suffix (source->source, ".pipeline"))
    return g_strdup (source->source);
  if (!(file = gh_pipeline_file_load (source->source, error)))
    return NULL;
  for (char *const *value = source->values; value && *value; value++) {
    const char *equals = strchr (*value, '=');

    g_hash_table_insert (values, g_strndup (*value, equals - *value), g_strdup (equals + 1));
  }
  return gh_pipeline_file_expand (file, values, error);
}

static GstElement *
build (const GhFrameSource *source, GError **error)
{
  g_autofree char *text = source->video ? g_strdup ("uridecodebin name=gh-video") : source_text (source, error);
  g_autofree char *line = text ? g_strdup_printf ("%s ! capsfilter caps=video/x-raw ! fakesink name=gh-frames "
      "signal-handoffs=true sync=false", text) : NULL;
  g_autoptr (GstElement) decoder = NULL, pipeline = line ? gst_parse_launch_full (line, NULL,
      GST_PARSE_FLAG_FATAL_ERRORS, error) : NULL;
  g_autofree char *uri = NULL;

  if (!pipeline || !source->video)
    return g_steal_pointer (&pipeline);
  uri = gst_uri_is_valid (source->video) ? g_strdup (source->video) : gst_filename_to_uri (source->video, error);
  if (!uri)
    return NULL;
  decoder = gst_bin_get_by_name (GST_BIN (pipeline), "gh-video");
  g_object_set (decoder, "uri", uri, NULL);
  return g_steal_pointer (&pipeline);
}

static gboolean
take_error (const GhFrameSource *source, GstMessage *message, GError **error)
{
  g_autoptr (GError) reason = NULL;
  g_autofree char *place = gh_redact (source->video ? source->video : source->source), *words = NULL;

  gst_message_parse_error (message, &reason, NULL);
  words = gh_redact (reason->message);
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "%s: %s: %s", place, GST_OBJECT_NAME (GST_MESSAGE_SRC (message)), words);
  return FALSE;
}

/* Until the stream ends, a live one has yielded enough, a frame is refused, or Ctrl-C. */
static gboolean
play (GstElement *pipeline, Feed *feed, GhToolProgress *progress, GError **error)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (TRUE) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, WAIT, GST_MESSAGE_ERROR | GST_MESSAGE_EOS);

    if (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      return take_error (feed->source, message, error);
    if (message || g_atomic_int_get (&feed->over))
      return TRUE;
    g_snprintf (progress->note, sizeof progress->note, "%" G_GUINT64_FORMAT " frames",
        gh_frame_store_pushed (feed->store));
    if (!gh_tool_progress (0, "collecting frames", progress))
      return cancelled (error);
  }
}

static void
say_enough (const Feed *feed, GhToolProgress *progress)
{
  gh_tool_progress_end (progress);
  g_printerr ("The source is live and may not end: learning from its first %" G_GUINT64_FORMAT " frames. "
      "\"gst-heads run train-encoder SOURCE=...\" learns while it plays.\n", gh_frame_store_pushed (feed->store));
}

static gboolean
fill_from_pipeline (const GhFrameSource *source, GhFrameStore *store, GhToolProgress *progress, GError **error)
{
  Feed feed = { source, store };
  g_autoptr (GstElement) pipeline = build (source, error), sink = NULL;
  gboolean played;

  if (!pipeline)
    return FALSE;
  feed.scaler = gst_frame_scaler_new (gh_frame_store_width (store), gh_frame_store_height (store), 0);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "gh-frames");
  g_signal_connect (sink, "handoff", G_CALLBACK (on_handoff), &feed);
  played = play (pipeline, &feed, progress, error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_frame_scaler_free (feed.scaler);
  gst_caps_replace (&feed.caps, NULL);
  if (played && !feed.error && feed.over && feed.live)
    say_enough (&feed, progress);
  if (!played || !feed.error) {
    g_clear_error (&feed.error);
    return played;
  }
  g_propagate_error (error, feed.error);
  return FALSE;
}

gboolean
gh_frame_source_fill (const GhFrameSource *source, GhFrameStore *store, GError **error)
{
  GhToolProgress progress = { 0 };
  gboolean filled = source->images ? fill_from_images (source, store, &progress, error)
      : fill_from_pipeline (source, store, &progress, error);

  gh_tool_progress_end (&progress);
  if (!filled || gh_frame_store_count (store) > 0)
    return filled;
  g_set_error (error, GH_ERROR, GH_ERROR_DATA, "the source yields no frame");
  return FALSE;
}

char *
gh_frame_source_describe (const GhFrameSource *source, guint64 frames)
{
  g_autofree char *name = source->source ? gh_redact (source->source)
      : gh_redact_to_host (source->images ? source->images : source->video);
  g_autofree char *crop = gh_crop_to_string (&source->crop);

  return g_strdup_printf ("%" G_GUINT64_FORMAT " frames of %s%s%s%s%s%s%s", frames, name, source->from ? " from " : "",
      source->from ? source->from : "", source->to ? " to " : "", source->to ? source->to : "", *crop ? " crop " : "",
      crop);
}
