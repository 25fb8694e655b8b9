/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-pipeline-file.c: comments, variables, defaults and quoting of *.pipeline files, and that GStreamer reads every
 * value back exactly as it was given.
 */
#include "tools/pipeline-file.h"
#include "models/gh-error.h"
#include "tests/models/temp-folder.h"

#include <gst/gst.h>
#include <string.h>

static GHashTable *
values_of (const char *pairs)
{
  GHashTable *values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_auto (GStrv) lines = g_strsplit (pairs, "\n", -1);
  for (char **line = lines; *line; line++) {
    char *equals = strchr (*line, '=');
    if (equals)
      g_hash_table_insert (values, g_strndup (*line, equals - *line), g_strdup (equals + 1));
  }
  return values;
}

static char *
expand (const char *text, const char *pairs, GError **error)
{
  g_autoptr (GHashTable) values = values_of (pairs);
  g_autoptr (GhPipelineFile) file = gh_pipeline_file_parse ("test.pipeline", text, error);
  return file ? gh_pipeline_file_expand (file, values, error) : NULL;
}

static const struct {
  const char *text, *values, *expected;
} expansions[] = {
  { "a ! b", "", "a ! b" },
  { "# one\na # two\n ! b\n", "", "a \n ! b" },
  { "a uri=http://h/#part ! b", "", "a uri=http://h/#part ! b" },
  { "a text=\"no # comment\" ! b", "", "a text=\"no # comment\" ! b" },
  { "a \\\n ! b", "", "a \n ! b" },
  { "a \\\r\n ! b", "", "a \n ! b" },
  { "a p=${X:-1}", "", "a p=1" },
  { "a p=${X:-1}", "X=2", "a p=2" },
  { "a p=${X}", "X=2", "a p=2" },
  { "a p=${X:-1} q=${X}", "", "a p=1 q=1" },
  { "a q=${X} p=${X:-1}", "", "a q=1 p=1" },
  { "a p=${X:-${Y:-3}}", "", "a p=3" },
  { "a p=${X:-/x/${Y:-3}.png}", "Y=b c", "a p=/x/b\\ c.png" },
  { "a p=${X:-}", "", "a p=\"\"" },
  { "a p=${X} ! b", "X=", "a p=\"\" ! b" },
  { "a p=${X}/y ! b", "X=", "a p=/y ! b" },
  { "a p=${X}${Y} ! b", "X=\nY=", "a p=\"\" ! b" },
  { "a p=$$5", "", "a p=$5" },
  { "a p=${X:-a\\}b}", "", "a p=a\\}b" },
  { "a p=${X}", "X=b ! c", "a p=b\\ \\!\\ c" },
  { "a p=${X}", "X=\"q\"", "a p=\\\"q\\\"" },
  { "a p=\"x ${X} y\"", "X=1", "a p=x\\ 1\\ y" },
  { "a p=\"${X}\"", "X=", "a p=\"\"" },
  { "a ! ${@X:-b c=d ! e}", "", "a ! b c=d ! e" },
  { "a ! ${@X:-b}", "X=c ! d e=f", "a ! c ! d e=f" },
  { "a ${@X:-} ! b", "", "a  ! b" },
  { "a ! ${@X:-b p=${Y:-1}} ! c", "Y=2 3", "a ! b p=2\\ 3 ! c" },
  { "video/x-raw,width=${W:-64},format=RGB", "", "video/x-raw,width=64,format=RGB" },
  { "a ! ${C:-video/x-raw(memory:NVMM),width=5} ! b", "", "a ! video/x-raw(memory:NVMM),width=5 ! b" },
};

static void
test_expand (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (expansions); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *got = expand (expansions[i].text, expansions[i].values, &error);
    g_assert_no_error (error);
    g_assert_cmpstr (got, ==, expansions[i].expected);
  }
}

static const struct {
  const char *text, *values, *expected;   /* a part of the message */
} refusals[] = {
  { "a\nb p=${X}", "", "test.pipeline:2: the variable X needs a value" },
  { "a p=${X:-1}", "Y=1", "has no variable Y; it has X" },
  { "a", "Y=1", "has no variable Y; it has none" },
  { "a\n\n${X", "", "test.pipeline:3: ${X has no closing brace" },
  { "a ${X:-b", "", "no closing brace" },
  { "a ${X?b}", "", "something else than :-" },
  { "a ${}", "", "comes a name" },
  { "a ${1X}", "", "comes a name" },
  { "a p=$X", "", "write ${NAME}" },
  { "a p=\"x\nb", "", "test.pipeline:1: this quotation mark is never closed" },
  { "a p=${X:-${X}}", "", "refers to itself" },
  { "a p=${X:-${Y}} q=${Y:-${X}}", "", "refers to itself" },
  { "a p=${X}", "X=\x01", "control character" },
  { "a p=${X} ! b", "X=c\\", "end in a backslash" },
  { "a p=\"${X}\\\\\" ! b", "X=c", "end in a backslash" },
  { "a p=${X:-c\\\\} ! b", "", "end in a backslash" },
  { "a p=\"${@X:-1}\"", "", "inside quotes" },
  { "a p=${Y:-${@X:-1}}", "", "inside the default" },
  { "# nothing\n\n", "", "holds no pipeline" },
  { "${@X:-}", "", "holds no pipeline" },
  { "a p=\xff", "", "UTF-8" },
};

static void
test_refuse (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *got = expand (refusals[i].text, refusals[i].values, &error);
    g_assert_null (got);
    g_assert_nonnull (error);
    if (!strstr (error->message, refusals[i].expected))
      g_error ("\"%s\" gives \"%s\", not \"%s\"", refusals[i].text, error->message, refusals[i].expected);
  }
}

/* What GStreamer makes of filesrc location=VALUE ! fakesink: the same value, and no third element. */
static void
check_value (const char *form, const char *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GhPipelineFile) file = gh_pipeline_file_parse ("test.pipeline", form, &error);
  g_autofree char *text = NULL, *got = NULL;
  g_autoptr (GstElement) pipeline = NULL, source = NULL;
  g_assert_no_error (error);
  g_hash_table_insert (values, g_strdup ("X"), g_strdup (value));
  text = gh_pipeline_file_expand (file, values, &error);
  g_assert_no_error (error);
  pipeline = gst_parse_launch (text, &error);
  g_assert_no_error (error);
  gst_object_ref_sink (pipeline);
  g_assert_cmpint (GST_BIN_NUMCHILDREN (pipeline), ==, 2);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "s");
  g_object_get (source, "location", &got, NULL);
  g_assert_cmpstr (got, ==, value);
}

static void
test_values_survive (void)
{
  static const char *const hostile[] = { "", " ", "a b", "x ! fakesink name=evil ! y", "'", "\\a", "a\\ b", "\\\\ \\b",
    "a\"b", "\"a b\".", "'a b'", "a=b", "name=evil", "a. ! b.", "( fakesrc )", "{a}", "a;b", "$X", "${X}", "%03d.png", "#a", "a #b",
    "\xc3\xa9t\xc3\xa9 \xe2\x82\xac", "file:///a?b=c&d#e", "a,b", "a:b", "!", ":", ".", "~", "*?[]", "|&<>", ". \" ! fakesrc \"" };
  GRand *random = g_rand_new_with_seed (7);
  for (guint i = 0; i < G_N_ELEMENTS (hostile); i++) {
    check_value ("filesrc name=s location=${X} ! fakesink", hostile[i]);
    check_value ("filesrc name=s location=\"${X}\" ! fakesink", hostile[i]);
    check_value ("filesrc location=${X} name=s ! fakesink", hostile[i]);
  }
  for (int round = 0; round < 300; round++) {
    static const char signs[] = " \\\"'!=.,:;(){}[]<>#$%&|~ab/";
    char value[10] = "";
    value[8] = 'z';
    for (int i = 0; i < 8; i++)
      value[i] = signs[g_rand_int_range (random, 0, sizeof signs - 1)];
    check_value ("filesrc location=${X} name=s ! fakesink", value);
  }
  g_rand_free (random);
}

static void
test_describe (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GhPipelineFile) file = gh_pipeline_file_parse ("t", "# SPDX-License-Identifier: X\n# What it does.\n#\n"
      "# More.\n\n# not this\na p=${A:-1} q=${B}\n# ${C}\nr=${A}", &error);
  const GhPipelineVar *var;
  g_assert_no_error (error);
  g_assert_cmpstr (file->about, ==, "What it does.\n\nMore.");
  g_assert_cmpint (file->vars->len, ==, 2);
  var = file->vars->pdata[0];
  g_assert_cmpstr (var->name, ==, "A");
  g_assert_cmpstr (var->fallback, ==, "1");
  g_assert_cmpint (var->line, ==, 7);
  var = file->vars->pdata[1];
  g_assert_cmpstr (var->name, ==, "B");
  g_assert_null (var->fallback);
  g_assert_cmpint (gh_pipeline_file_line_of (file, "q"), ==, 7);
  g_assert_cmpint (gh_pipeline_file_line_of (file, "not"), ==, 0);
  g_assert_cmpint (gh_pipeline_file_line_of (file, "zz"), ==, 0);
}

static void
test_find (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = temp_folder_new (), *path = NULL, *zeros = NULL, *big = NULL;
  g_autofree char *large = g_strnfill (2 << 20, ' ');
  GhPipelineFile *file;

  path = g_build_filename (folder, "some-name.pipeline", NULL);
  zeros = g_build_filename (folder, "zeros.pipeline", NULL);
  big = g_build_filename (folder, "big.pipeline", NULL);
  g_file_set_contents (path, "fakesrc ! fakesink", -1, &error);
  g_file_set_contents (zeros, "fakesrc\0! fakesink", 18, &error);
  g_file_set_contents (big, large, -1, &error);
  g_assert_no_error (error);
  g_setenv ("GST_HEADS_PIPELINE_PATH", folder, TRUE);
  for (int i = 0; i < 3; i++) {
    const char *names[] = { "some-name", "some-name.pipeline", path };
    file = gh_pipeline_file_load (names[i], &error);
    g_assert_no_error (error);
    g_assert_cmpstr (file->path, ==, path);
    gh_pipeline_file_free (file);
  }
  g_assert_null (gh_pipeline_file_load ("other-name", &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (gh_pipeline_file_load ("/nowhere/x.pipeline", &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_NOT_FOUND);
  g_clear_error (&error);
  g_assert_null (gh_pipeline_file_load (folder, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_OPEN);
  g_clear_error (&error);
  g_assert_null (gh_pipeline_file_load (zeros, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_CORRUPT);
  g_clear_error (&error);
  g_assert_null (gh_pipeline_file_load (big, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_CORRUPT);
  temp_folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add_func ("/pipeline-file/expand", test_expand);
  g_test_add_func ("/pipeline-file/refuse", test_refuse);
  g_test_add_func ("/pipeline-file/values-survive", test_values_survive);
  g_test_add_func ("/pipeline-file/describe", test_describe);
  g_test_add_func ("/pipeline-file/find", test_find);
  return g_test_run ();
}
