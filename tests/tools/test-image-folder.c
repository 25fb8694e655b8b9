/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-image-folder.c: pictures from files, cropped and scaled; files that are none; the cache of embeddings; plots.
 */
#include "tools/embedding-cache.h"
#include "tools/image-folder.h"
#include "tools/scatter-plot.h"
#include "models/gh-error.h"
#include "tests/models/temp-folder.h"

#include <cairo.h>
#include <glib/gstdio.h>
#include <string.h>
#include <utime.h>

static char *folder;

static char *
in_folder (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

/* A picture in four squares of 32 pixels: red, green; blue, white. */
static void
write_picture (const char *name, const char *encoder)
{
  g_autofree char *path = in_folder (name);
  g_autofree char *launch = g_strdup_printf ("appsrc name=source ! videoconvert ! %s ! filesink location=\"%s\"", encoder,
      path);
  g_autoptr (GstElement) pipeline = gst_parse_launch (launch, NULL);
  g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstCaps) caps = gst_caps_from_string ("video/x-raw,format=RGB,width=64,height=64,framerate=0/1");
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 64 * 64 * 3, NULL);
  const guint8 colours[4][3] = { { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 }, { 255, 255, 255 } };
  g_autoptr (GstMessage) message = NULL;
  GstFlowReturn flow;

  for (int i = 0; i < 64 * 64; i++)
    gst_buffer_fill (buffer, i * 3, colours[i / (64 * 32) * 2 + i % 64 / 32], 3);
  g_object_set (source, "caps", caps, "format", GST_FORMAT_TIME, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_signal_emit_by_name (source, "push-buffer", buffer, &flow);
  g_signal_emit_by_name (source, "end-of-stream", &flow);
  gst_buffer_unref (buffer);
  message = gst_bus_timed_pop_filtered (bus, 20 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_true (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

static gboolean
read_picture (const char *name, GhCrop crop, guint8 *rgb, GError **error)
{
  g_autofree char *path = in_folder (name);
  g_autoptr (GstFrameScaler) scaler = gst_frame_scaler_new (8, 4, 1);

  return gh_image_read (path, &crop, scaler, 8, 4, rgb, error);
}

static void
assert_colour (const guint8 *rgb, int pixel, int r, int g, int b)
{
  const int want[3] = { r, g, b };

  for (int c = 0; c < 3; c++)
    g_assert_cmpint (ABS (rgb[pixel * 3 + c] - want[c]), <=, 6);
}

static void
check_picture (const char *name)
{
  g_autoptr (GError) error = NULL;
  guint8 rgb[8 * 4 * 3];

  g_assert_true (read_picture (name, (GhCrop) { 0 }, rgb, &error));
  g_assert_no_error (error);
  assert_colour (rgb, 0, 255, 0, 0);
  assert_colour (rgb, 7, 0, 255, 0);
  assert_colour (rgb, 3 * 8, 0, 0, 255);
  assert_colour (rgb, 3 * 8 + 7, 255, 255, 255);
  g_assert_true (read_picture (name, (GhCrop) { 40, 8, 16, 48 }, rgb, &error));
  assert_colour (rgb, 0, 0, 255, 0);
  assert_colour (rgb, 3 * 8, 255, 255, 255);
}

static void
test_formats (void)
{
  write_picture ("squares.png", "pngenc");
  check_picture ("squares.png");
  write_picture ("squares.jpg", "jpegenc quality=98");
  check_picture ("squares.jpg");
}

static void
check_unreadable (const char *name, GhCrop crop, GhError code, const char *words)
{
  g_autoptr (GError) error = NULL;
  guint8 rgb[8 * 4 * 3];

  g_assert_false (read_picture (name, crop, rgb, &error));
  g_assert_error (error, GH_ERROR, (int) code);
  if (!strstr (error->message, name) || !strstr (error->message, words))
    g_error ("\"%s\" does not say \"%s\" and \"%s\"", error->message, name, words);
}

static void
test_unreadable (void)
{
  g_autofree char *text = in_folder ("text.jpg"), *empty = in_folder ("empty.png"), *cut = in_folder ("cut.png");
  g_autofree char *png = in_folder ("whole.png"), *bytes = NULL;

  write_picture ("whole.png", "pngenc");
  g_assert_true (g_file_get_contents (png, &bytes, NULL, NULL));
  g_assert_true (g_file_set_contents (text, "no picture", -1, NULL));
  g_assert_true (g_file_set_contents (empty, "", 0, NULL));
  g_assert_true (g_file_set_contents (cut, bytes, 40, NULL));
  check_unreadable ("text.jpg", (GhCrop) { 0 }, GH_ERROR_DATA, "");
  check_unreadable ("empty.png", (GhCrop) { 0 }, GH_ERROR_DATA, "");
  check_unreadable ("cut.png", (GhCrop) { 0 }, GH_ERROR_DATA, "");
  check_unreadable ("absent.png", (GhCrop) { 0 }, GH_ERROR_NOT_FOUND, "cannot be opened: No such file");
  check_unreadable ("whole.png", (GhCrop) { 40, 0, 30, 10 }, GH_ERROR_UNSUITABLE, "the crop 40,0,30,10 reaches beyond its 64 x 64 pixels");
}

static void
test_crop (void)
{
  const char *const bad[] = { "", "1,2,3", "1,2,3,4,5", "-1,0,2,2", "0,0,0,2", "a,b,c,d", "1,2,3,4x" };
  GhCrop crop;
  g_autofree char *text = NULL;

  g_assert_true (gh_crop_parse (&crop, "320,240,64,48", NULL));
  text = gh_crop_to_string (&crop);
  g_assert_cmpstr (text, ==, "320,240,64,48");
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_crop_parse (&crop, bad[i], &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_DATA);
  }
}

/* ---- the cache ----------------------------------------------------------------------------------------- */

static void
test_cache (void)
{
  g_autofree char *path = in_folder ("cache.safetensors"), *a = in_folder ("a \"q\".jpg"), *b = in_folder ("b.jpg");
  const float vector[3] = { 1, -2, 0.5f };
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEmbeddingCache) cache = gh_embedding_cache_open (path, "key", 3), again = NULL, other = NULL;
  g_autoptr (GhEmbeddingCache) wider = NULL, damaged = NULL, none = gh_embedding_cache_open (NULL, "key", 3);
  struct utimbuf then = { 1000000, 1000000 };
  const float *found;

  g_assert_true (g_file_set_contents (a, "a", -1, NULL) && g_file_set_contents (b, "b", -1, NULL));
  g_assert_null (gh_embedding_cache_get (cache, folder, "a \"q\".jpg"));
  gh_embedding_cache_put (cache, folder, "a \"q\".jpg", vector);
  gh_embedding_cache_put (cache, folder, "b.jpg", vector);
  gh_embedding_cache_put (cache, folder, "absent.jpg", vector);
  g_assert_true (gh_embedding_cache_save (cache, &error));
  g_assert_no_error (error);

  again = gh_embedding_cache_open (path, "key", 3);
  found = gh_embedding_cache_get (again, folder, "a \"q\".jpg");
  g_assert_nonnull (found);
  g_assert_cmpmem (found, sizeof vector, vector, sizeof vector);
  g_assert_null (gh_embedding_cache_get (again, folder, "absent.jpg"));
  /* Another time or size: another picture. */
  g_assert_cmpint (g_utime (a, &then), ==, 0);
  g_assert_null (gh_embedding_cache_get (again, folder, "a \"q\".jpg"));
  g_assert_nonnull (gh_embedding_cache_get (again, folder, "b.jpg"));
  g_assert_cmpint (g_unlink (b), ==, 0);
  g_assert_null (gh_embedding_cache_get (again, folder, "b.jpg"));
  gh_embedding_cache_put (again, folder, "a \"q\".jpg", vector);
  g_assert_true (gh_embedding_cache_save (again, NULL));

  other = gh_embedding_cache_open (path, "another key", 3);
  g_assert_null (gh_embedding_cache_get (other, folder, "a \"q\".jpg"));
  wider = gh_embedding_cache_open (path, "key", 4);
  g_assert_null (gh_embedding_cache_get (wider, folder, "a \"q\".jpg"));
  g_assert_true (g_file_set_contents (path, "torn", -1, NULL));
  damaged = gh_embedding_cache_open (path, "key", 3);
  g_assert_null (gh_embedding_cache_get (damaged, folder, "a \"q\".jpg"));
  gh_embedding_cache_put (none, folder, "a \"q\".jpg", vector);
  g_assert_nonnull (gh_embedding_cache_get (none, folder, "a \"q\".jpg"));
  g_assert_true (gh_embedding_cache_save (none, NULL));
}

/* ---- plots --------------------------------------------------------------------------------------------- */

/* Pixels of the plot that are not white. */
static int
plot_ink (GhHeadKind kind, int n, const double *labels, const double *predicted, const char *const *classes)
{
  g_autofree char *path = in_folder ("plot.png");
  GhScatterPlot plot = { kind, "title", "subtitle", "people", classes, n, labels, predicted };
  cairo_surface_t *surface;
  int ink = 0;

  g_assert_true (gh_scatter_plot_write (&plot, path, NULL));
  surface = cairo_image_surface_create_from_png (path);
  g_assert_cmpint (cairo_surface_status (surface), ==, CAIRO_STATUS_SUCCESS);
  for (int y = 0; y < cairo_image_surface_get_height (surface); y++) {
    const guint32 *row = (const guint32 *) (cairo_image_surface_get_data (surface)
        + y * cairo_image_surface_get_stride (surface));

    for (int x = 0; x < cairo_image_surface_get_width (surface); x++)
      ink += (row[x] & 0xffffff) != 0xffffff;
  }
  cairo_surface_destroy (surface);
  return ink;
}

static void
test_plots (void)
{
  const double labels[] = { 0, 1, 2, 1 }, predicted[] = { 0.2, 1.4, 1.7, 0 }, same[] = { 5, 5, 5, 5 };
  const double huge[] = { -1e15, 1e15, 0, 1 }, indices[] = { 0, 2, 2, 1 };
  const char *classes[] = { "sunny", "a class with a rather long name, too long for its place", "rain", NULL };
  g_autoptr (GError) error = NULL;
  GhScatterPlot plot = { GH_HEAD_COUNT, "", "", "", NULL, 4, labels, predicted };

  g_assert_cmpint (plot_ink (GH_HEAD_COUNT, 4, labels, predicted, NULL), >, 5000);
  g_assert_cmpint (plot_ink (GH_HEAD_SCALAR, 4, same, same, NULL), >, 5000);
  g_assert_cmpint (plot_ink (GH_HEAD_SCALAR, 4, huge, labels, NULL), >, 5000);
  g_assert_cmpint (plot_ink (GH_HEAD_COUNT, 1, labels, predicted, NULL), >, 5000);
  g_assert_cmpint (plot_ink (GH_HEAD_TIME, 4, labels, predicted, NULL), >, 5000);
  g_assert_cmpint (plot_ink (GH_HEAD_CLASS, 4, labels, indices, classes), >, 50000);
  g_assert_false (gh_scatter_plot_write (&plot, "/nowhere/plot.png", &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_WRITE);
  g_assert_nonnull (strstr (error->message, "/nowhere/plot.png"));
}

int
main (int argc, char **argv)
{
  int status;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  folder = temp_folder_new ();
  g_test_add_func ("/images/formats", test_formats);
  g_test_add_func ("/images/unreadable", test_unreadable);
  g_test_add_func ("/images/crop", test_crop);
  g_test_add_func ("/cache", test_cache);
  g_test_add_func ("/plots", test_plots);
  status = g_test_run ();
  temp_folder_remove (folder);
  g_free (folder);
  gst_deinit ();
  return status;
}
