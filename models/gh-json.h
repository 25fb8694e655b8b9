/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-json.h: a strict reader of the little JSON that model files carry, and the escaping to write it.
 *
 * Strict means: one spelling per thing. Numbers that should be whole have no sign, fraction, exponent or leading
 * zero; strings are valid UTF-8 without NUL, lone surrogates or raw control characters; nothing follows the value.
 * The caller asks for what its grammar expects next, so nothing nests deeper than the caller does, and unknown or
 * repeated keys are the caller's to refuse. Nothing here recurses.
 *
 * The first failure sticks: every later call returns FALSE, and gh_json_problem() tells what was wrong and where.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  const char *start, *p, *end;
  char problem[512];            /* "" while all is well */
} GhJson;

/* text is borrowed and need not be terminated. FALSE when it is not clean UTF-8. */
gboolean gh_json_init (GhJson *json, const char *text, gsize size);

/* Records a problem at the current byte (the first one stays) and returns FALSE. */
gboolean gh_json_fail (GhJson *json, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* Puts "what \"name\": " in front of the problem, if there is one: called on the way out of what was being read. */
void gh_json_within (GhJson *json, const char *what, const char *name);
const char *gh_json_problem (const GhJson *json);
#define gh_json_failed(json) ((json)->problem[0] != '\0')

/* Objects: begin, then next_key (first = TRUE the first time; it becomes FALSE) until it returns FALSE, which means
 * the closing brace or a failure. key is the caller's to free. Arrays: begin, then next_item likewise. */
gboolean gh_json_begin_object (GhJson *json);
gboolean gh_json_next_key (GhJson *json, gboolean *first, char **key);
gboolean gh_json_begin_array (GhJson *json);
gboolean gh_json_next_item (GhJson *json, gboolean *first);

gboolean gh_json_string (GhJson *json, char **value);   /* the caller's to free */
gboolean gh_json_uint (GhJson *json, guint64 *value);
gboolean gh_json_double (GhJson *json, double *value);  /* finite; sign, fraction and exponent as JSON has them */
gboolean gh_json_boolean (GhJson *json, gboolean *value);
/* Only white space may follow. */
gboolean gh_json_end (GhJson *json);

/* Makes text from a file fit for a terminal, in place: what is not UTF-8 or a control character becomes '?'. */
void gh_json_make_printable (char *text);

/* Appends text as a JSON string, quotes included. */
void gh_json_append_string (GString *out, const char *text);
/* The shortest decimal that reads back as the same double, or the same float when `single`. value is finite. */
void gh_json_append_number (GString *out, double value, gboolean single);

G_END_DECLS
