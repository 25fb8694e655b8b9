/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-json-tree.h: JSON of strangers as a tree: what a service, a command or a file of another project says, whose members
 * nobody knows beforehand. (Model files have a stricter reader: gh-json.h.)
 *
 * json-glib reads by recursion and takes comments and other liberties, so a text of brackets alone could end the process:
 * text is looked at first.
 */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The text need not be terminated. NULL with an error (JSON_PARSER_ERROR) unless it is UTF-8 without NUL, holds nothing
 * but JSON, and nests no deeper than 64. Free it with json_node_unref(). */
JsonNode *gh_json_tree_parse (const char *text, gsize size, GError **error);

G_END_DECLS
