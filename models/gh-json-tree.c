/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-json-tree.c: see gh-json-tree.h. */
#include "gh-json-tree.h"

#include <string.h>

enum { MAX_DEPTH = 64 };

/* What may stand outside of strings: punctuation, blanks, numbers, true, false, null. */
static gboolean
is_plain (char byte)
{
  return byte != 0 && strchr ("{}[]:, \t\r\n+-.0123456789eEtrufalsn", byte) != NULL;
}

static const char *
look_at (const char *text, gsize size)
{
  gboolean in_string = FALSE;
  int depth = 0;

  for (gsize i = 0; i < size; i++) {
    if (in_string && text[i] == '\\')
      i++;
    else if (text[i] == '"')
      in_string = !in_string;
    else if (!in_string && !is_plain (text[i]))
      return "it holds what is no JSON";
    else if (!in_string && (text[i] == '{' || text[i] == '['))
      depth++;
    else if (!in_string && (text[i] == '}' || text[i] == ']'))
      depth--;
    if (depth > MAX_DEPTH)
      return "it nests too deep";
  }
  return NULL;
}

JsonNode *
gh_json_tree_parse (const char *text, gsize size, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  const char *problem = memchr (text, 0, size) || !g_utf8_validate (text, (gssize) size, NULL) ? "it is no UTF-8"
      : look_at (text, size);

  if (problem) {
    g_set_error_literal (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_INVALID_DATA, problem);
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, (gssize) size, error))
    return NULL;
  if (json_parser_get_root (parser) == NULL) {
    g_set_error_literal (error, JSON_PARSER_ERROR, JSON_PARSER_ERROR_INVALID_DATA, "it is empty");
    return NULL;
  }
  return json_parser_steal_root (parser);
}
