/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-json-tree.c: JSON of strangers, and what only looks like it. */
#include "models/gh-json-tree.h"

#include <string.h>

static gboolean
parses (const char *text, gssize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = gh_json_tree_parse (text, size < 0 ? strlen (text) : (gsize) size, &error);

  g_assert_true ((node == NULL) == (error != NULL));
  return node != NULL;
}

static void
test_good (void)
{
  static const char *const good[] = { "{}", "[]", " [1, -2.5e+3, true, false, null] ", "{\"a\":{\"b\":[\"]]]\", \"\\\"[\"]}}",
    "\"text with // and /* and 'quotes'\"", "\"\xc3\xa4\"", "7" };

  for (guint i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_true (parses (good[i], -1));
}

static void
test_bad (void)
{
  static const char *const bad[] = { "", " ", "{", "[1", "{\"a\"}", "{'a':1}", "[1] /* */", "// x\n1", "/*\"*/[1]", "nul", "\xff",
    "<html>", "{\"a\":1", "[1]]", "{\"a\" 1}" };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    if (parses (bad[i], -1))
      g_error ("taken for JSON: %s", bad[i]);
  g_assert_false (parses ("[1]\0", 4));
}

/* A megabyte of brackets, plain and behind what would hide them from a count that knows less than the parser. */
static void
test_deep (void)
{
  static const char *const starts[] = { "", "\"", "'\"'", "/*\"*/", "\"\\\"\"" };
  g_autofree char *deep = g_strnfill (1 << 20, '['), *objects = g_strnfill (1 << 20, '{');
  g_autofree char *fine = g_strnfill (64, '['), *ends = g_strnfill (64, ']'), *both = g_strconcat (fine, ends, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (starts); i++) {
    g_autofree char *text = g_strconcat (starts[i], deep, NULL), *other = g_strconcat ("[", starts[i], ",", objects, NULL);

    g_assert_false (parses (text, -1));
    g_assert_false (parses (other, -1));
  }
  g_assert_true (parses (both, -1));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json-tree/good", test_good);
  g_test_add_func ("/json-tree/bad", test_bad);
  g_test_add_func ("/json-tree/deep", test_deep);
  return g_test_run ();
}
