/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-inspect.c: what gst-inspect-1.0 says about each of our elements: it runs, and every property has a name, a
 * sentence that explains it, and appears with it.
 *
 * Exit status 77 (skipped) where gst-inspect-1.0 is not installed.
 */
#include <gst/check/gstcheck.h>
#include <string.h>

#define PACKAGE_OF_OURS "gst-heads"

/* Our factories, from the plugins on the path; freed with gst_plugin_feature_list_free(). */
static GList *
our_factories (void)
{
  GList *plugins = gst_registry_get_plugin_list (gst_registry_get ()), *all = NULL;

  for (GList *p = plugins; p; p = p->next) {
    GList *features;

    if (g_strcmp0 (gst_plugin_get_package (p->data), PACKAGE_OF_OURS) != 0)
      continue;
    features = gst_registry_get_feature_list_by_plugin (gst_registry_get (), gst_plugin_get_name (p->data));
    for (GList *f = features; f; f = f->next) {
      if (GST_IS_ELEMENT_FACTORY (f->data))
        all = g_list_prepend (all, gst_object_ref (f->data));
    }
    gst_plugin_feature_list_free (features);
  }
  gst_plugin_list_free (plugins);
  return all;
}

/* One line of words, whatever the width gst-inspect wraps at. */
static gchar *
squeeze (const gchar *text)
{
  GString *squeezed = g_string_new (NULL);

  for (; *text; text++) {
    if (!g_ascii_isspace (*text))
      g_string_append_c (squeezed, *text);
    else if (squeezed->len && squeezed->str[squeezed->len - 1] != ' ')
      g_string_append_c (squeezed, ' ');
  }
  return g_string_free (squeezed, FALSE);
}

static gchar *
inspect (const gchar *name)
{
  const gchar *command[] = { "gst-inspect-1.0", "--no-colors", name, NULL };
  gchar *output = NULL, *errors = NULL, *squeezed;
  GError *error = NULL;
  gint status = 0;

  fail_unless (g_spawn_sync (NULL, (gchar **) command, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &output, &errors, &status,
          &error), "%s", error ? error->message : "");
  fail_unless (g_spawn_check_wait_status (status, NULL), "gst-inspect-1.0 %s: %s", name, errors);
  fail_unless (strstr (errors, "CRITICAL") == NULL && strstr (errors, "WARNING") == NULL, "%s: %s", name, errors);
  squeezed = squeeze (output);
  g_free (output);
  g_free (errors);
  return squeezed;
}

static void
check_property (const gchar *element, GParamSpec *spec, const gchar *output)
{
  const gchar *blurb = g_param_spec_get_blurb (spec), *nick = g_param_spec_get_nick (spec);
  gchar *entry = g_strdup_printf (" %s", spec->name), *squeezed;

  fail_unless (blurb && strlen (blurb) >= 10 && strchr (blurb, ' '), "%s.%s: blurb \"%s\"", element, spec->name, blurb);
  fail_unless (nick && *nick, "%s.%s has no nick", element, spec->name);
  fail_unless (!g_ascii_islower (*blurb), "%s.%s: blurb begins small: \"%s\"", element, spec->name, blurb);
  squeezed = squeeze (blurb);
  fail_unless (strstr (output, entry) != NULL, "%s: gst-inspect does not show the property %s", element, spec->name);
  fail_unless (strstr (output, squeezed) != NULL, "%s: gst-inspect does not show \"%s\"", element, squeezed);
  g_free (squeezed);
  g_free (entry);
}

static void
check_factory (GstElementFactory *factory)
{
  const gchar *name = GST_OBJECT_NAME (factory);
  GstElement *element = gst_element_factory_create (factory, NULL);
  gchar *output = inspect (name);
  const gchar *description, *klass;
  GParamSpec **specs;
  guint n;

  fail_unless (element != NULL, "%s cannot be made", name);
  description = gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_DESCRIPTION);
  fail_unless (strlen (description) > 20, "%s: \"%s\"", name, description);
  klass = gst_element_factory_get_metadata (factory, GST_ELEMENT_METADATA_KLASS);
  fail_unless (strchr (klass, '/') != NULL, "%s: class \"%s\"", name, klass);
  fail_unless (gst_element_factory_get_num_pad_templates (factory) > 0, "%s", name);
  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++) {
    if (specs[i]->owner_type == G_OBJECT_TYPE (element))        /* the base classes are GStreamer's affair */
      check_property (name, specs[i], output);
  }
  g_free (specs);
  g_free (output);
  gst_object_unref (element);
}

GST_START_TEST (test_elements)
{
  GList *factories = our_factories ();

  fail_unless (factories != NULL, "no element of %s on the plugin path", PACKAGE_OF_OURS);
  for (GList *f = factories; f; f = f->next) {
    GstPluginFeature *loaded = gst_plugin_feature_load (f->data);

    fail_unless (loaded != NULL, "%s cannot be loaded", GST_OBJECT_NAME (f->data));
    check_factory (GST_ELEMENT_FACTORY (loaded));
    gst_object_unref (loaded);
  }
  gst_plugin_feature_list_free (factories);
}
GST_END_TEST;

static Suite *
inspect_suite (void)
{
  Suite *suite = suite_create ("inspect");
  TCase *tcase = tcase_create ("general");

  suite_add_tcase (suite, tcase);
  tcase_add_test (tcase, test_elements);
  tcase_set_timeout (tcase, 60);
  return suite;
}

int
main (int argc, char **argv)
{
  gchar *program = g_find_program_in_path ("gst-inspect-1.0");

  if (!program) {
    g_printerr ("gst-inspect-1.0 (Debian: gstreamer1.0-tools) is not installed: skipped\n");
    return 77;
  }
  g_free (program);
  gst_check_init (&argc, &argv);
  return gst_check_run_suite (inspect_suite (), "inspect", __FILE__);
}
