/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-encoder-errors.c: every model file that cannot be used is one error on the bus that names the file and says
 * what is wrong with it, and the element starts afterwards with a sound one.
 */
#include "mae-test.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "hostile-models.h"

static MaeTest test;

/* Starts the element with the model, expects failure and returns the only error. */
static GError *
start_and_fail (GstElement *element, const gchar *model)
{
  g_object_set (element, "model", model, NULL);
  return mae_test_start_and_fail (element);
}

static void
check_starts (GstElement *element)
{
  g_object_set (element, "model", test.model, NULL);
  fail_unless (gst_element_set_state (element, GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (element, GST_STATE_NULL);
}

/* Twice: a file that was refused must not be remembered as a good one. */
GST_START_TEST (test_hostile_files)
{
  gchar *folder = g_build_filename (test.folder, "hostile", NULL);
  gchar *base = mae_test_write_model (&test, "base.safetensors", MAE_TEST_DIM, 3);
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  GPtrArray *models;

  g_object_set (element, "device", GH_DEVICE_REF, NULL);
  assert_equals_int (g_mkdir (folder, 0700), 0);
  models = hostile_models_write (folder, base);
  fail_unless (models->len >= 60, "%u files", models->len);
  for (guint round = 0; round < 2; round++) {
    for (guint i = 0; i < models->len; i++) {
      HostileModel *model = g_ptr_array_index (models, i);
      GError *error = start_and_fail (element, model->path);

      fail_unless (strstr (error->message, model->path) != NULL, "%s: %s", model->defect, error->message);
      fail_unless (!model->reason || strstr (error->message, model->reason) != NULL, "%s: %s", model->defect,
          error->message);
      fail_unless (error->domain == GST_RESOURCE_ERROR
          && (error->code == GST_RESOURCE_ERROR_READ || error->code == GST_RESOURCE_ERROR_SETTINGS
              || error->code == GST_RESOURCE_ERROR_OPEN_READ || error->code == GST_RESOURCE_ERROR_NOT_FOUND),
          "%s: %s %d: %s", model->defect, g_quark_to_string (error->domain), error->code, error->message);
      g_error_free (error);
    }
  }
  check_starts (element);
  g_ptr_array_unref (models);
  gst_object_unref (element);
  g_free (base);
  g_free (folder);
}
GST_END_TEST;

GST_START_TEST (test_absent_file)
{
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  gchar *path = g_build_filename (test.folder, "absent.safetensors", NULL);
  GError *error = start_and_fail (element, path);

  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
  fail_unless (strstr (error->message, path) && strstr (error->message, "'model'"), "%s", error->message);
  g_error_free (error);

  error = start_and_fail (element, "no-such-shipped-model");
  fail_unless (g_error_matches (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND));
  fail_unless (strstr (error->message, "no-such-shipped-model") != NULL, "%s", error->message);
  g_error_free (error);
  check_starts (element);
  gst_object_unref (element);
  g_free (path);
}
GST_END_TEST;

/* A folder, and a pipe that would block whoever opens it. */
GST_START_TEST (test_not_a_file)
{
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  gchar *fifo = g_build_filename (test.folder, "fifo", NULL);
  GError *error = start_and_fail (element, test.folder);

  fail_unless (error->domain == GST_RESOURCE_ERROR && strstr (error->message, test.folder), "%s", error->message);
  g_error_free (error);
  assert_equals_int (mkfifo (fifo, 0600), 0);
  error = start_and_fail (element, fifo);
  fail_unless (error->domain == GST_RESOURCE_ERROR && strstr (error->message, fifo), "%s", error->message);
  g_error_free (error);
  gst_object_unref (element);
  g_free (fifo);
}
GST_END_TEST;

/* A device this machine lacks is refused by name. Where there is one the test has nothing to say. */
GST_START_TEST (test_absent_device)
{
  GstElement *element = gst_element_factory_make ("mae-encoder", NULL);
  g_autoptr (GhEncoder) encoder = gh_encoder_load (test.model, GH_DEVICE_CUDA, GH_PRECISION_AUTO, 0, NULL);

  if (!encoder) {
    GError *error;

    g_object_set (element, "device", GH_DEVICE_CUDA, NULL);
    error = start_and_fail (element, test.model);
    fail_unless (g_error_matches (error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_INIT), "%s", error->message);
    fail_unless (strstr (error->message, "cuda") != NULL, "%s", error->message);
    g_error_free (error);
    g_object_set (element, "device", GH_DEVICE_CPU, NULL);
    check_starts (element);
  }
  gst_object_unref (element);
}
GST_END_TEST;

static Suite *
mae_encoder_errors_suite (void)
{
  Suite *suite = suite_create ("mae-encoder-errors");
  TCase *tcase = mae_test_case (&test);

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_hostile_files);
  tcase_add_test (tcase, test_absent_file);
  tcase_add_test (tcase, test_not_a_file);
  tcase_add_test (tcase, test_absent_device);
  tcase_set_timeout (tcase, 60);
  return suite;
}

GST_CHECK_MAIN (mae_encoder_errors);
