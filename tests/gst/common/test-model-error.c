/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-model-error.c: every error of models/ becomes one bus message with its own code, its words and advice. */
#include <gst/check/gstcheck.h>

#include "gst/common/gstmodelerror.h"
#include "models/gh-error.h"

static const struct
{
  GhError error;
  const gchar *domain;
  gint code;
} cases[] = {
  {GH_ERROR_NOT_FOUND, "gst-resource-error-quark", GST_RESOURCE_ERROR_NOT_FOUND},
  {GH_ERROR_OPEN, "gst-resource-error-quark", GST_RESOURCE_ERROR_OPEN_READ},
  {GH_ERROR_CORRUPT, "gst-resource-error-quark", GST_RESOURCE_ERROR_READ},
  {GH_ERROR_UNSUITABLE, "gst-resource-error-quark", GST_RESOURCE_ERROR_SETTINGS},
  {GH_ERROR_DEVICE, "gst-library-error-quark", GST_LIBRARY_ERROR_INIT},
  {GH_ERROR_WRITE, "gst-resource-error-quark", GST_RESOURCE_ERROR_WRITE},
  {GH_ERROR_DATA, "gst-stream-error-quark", GST_STREAM_ERROR_WRONG_TYPE},
};

GST_START_TEST (test_codes)
{
  GstElement *element = gst_bin_new ("somebody");
  GstBus *bus = gst_bus_new ();
  GError *error = g_error_new_literal (GH_ERROR, cases[__i__].error, "/tmp/x.safetensors: no good"), *posted;
  GstMessage *message;
  gchar *debug;

  gst_element_set_bus (element, bus);
  GST_ELEMENT_MODEL_ERROR (element, error, "heads");
  message = gst_bus_pop (bus);
  fail_unless (message && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR);
  gst_message_parse_error (message, &posted, &debug);
  assert_equals_string (g_quark_to_string (posted->domain), cases[__i__].domain);
  assert_equals_int (posted->code, cases[__i__].code);
  fail_unless (g_str_has_prefix (posted->message, "/tmp/x.safetensors: no good."), "%s", posted->message);
  fail_unless (strstr (debug, "test-model-error.c") != NULL, "%s", debug);
  fail_unless (gst_bus_pop (bus) == NULL);

  g_free (debug);
  g_error_free (posted);
  gst_message_unref (message);
  g_error_free (error);
  gst_element_set_bus (element, NULL);
  gst_object_unref (bus);
  gst_object_unref (element);
}
GST_END_TEST;

/* A device that fails while running is not one that could not be opened. */
GST_START_TEST (test_running)
{
  GError *error = g_error_new_literal (GH_ERROR, GH_ERROR_DEVICE, "gone.");
  gint code;

  fail_unless (gst_model_error_code (error, GST_STATE_PLAYING, &code) == GST_LIBRARY_ERROR);
  assert_equals_int (code, GST_LIBRARY_ERROR_FAILED);
  g_error_free (error);

  error = g_error_new_literal (G_FILE_ERROR, G_FILE_ERROR_NOENT, "of another domain");
  fail_unless (gst_model_error_code (error, GST_STATE_READY, &code) == GST_LIBRARY_ERROR);
  assert_equals_int (code, GST_LIBRARY_ERROR_FAILED);
  g_error_free (error);
}
GST_END_TEST;

/* Whoever reads it learns which property to set; a sentence never ends in two full stops. */
GST_START_TEST (test_advice)
{
  GError *error = g_error_new_literal (GH_ERROR, GH_ERROR_NOT_FOUND, "There is no file x.");
  gchar *text = gst_model_error_text (error, "model");

  fail_unless (strstr (text, "'model'") != NULL);
  fail_unless (strstr (text, "..") == NULL);
  g_free (text);
  g_error_free (error);
}
GST_END_TEST;

static Suite *
model_error_suite (void)
{
  Suite *suite = suite_create ("model-error");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_loop_test (tcase, test_codes, 0, G_N_ELEMENTS (cases));
  tcase_add_test (tcase, test_running);
  tcase_add_test (tcase, test_advice);
  return suite;
}

GST_CHECK_MAIN (model_error);
