/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-json.c: the strict JSON reader. A cursor over text that gh_json_init() found to be UTF-8 without NUL.
 */
#include "gh-json.h"

#include <errno.h>
#include <math.h>
#include <string.h>

void
gh_json_make_printable (char *text)
{
  const char *bad;

  while (!g_utf8_validate (text, -1, &bad))
    text[bad - text] = '?';
  for (; *text; text++) {
    if (g_ascii_iscntrl (*text))
      *text = '?';
    else if ((guchar) text[0] == 0xc2 && (guchar) text[1] < 0xa0)       /* U+0080 to U+009F */
      text[0] = text[1] = '?';
  }
}

gboolean
gh_json_fail (GhJson *json, const char *format, ...)
{
  char text[200];
  va_list args;

  if (gh_json_failed (json))
    return FALSE;
  va_start (args, format);
  g_vsnprintf (text, sizeof text, format, args);
  va_end (args);
  gh_json_make_printable (text);
  g_snprintf (json->problem, sizeof json->problem, "%s (at byte %" G_GSIZE_FORMAT ")", text,
      (gsize) (json->p - json->start));
  return FALSE;
}

void
gh_json_within (GhJson *json, const char *what, const char *name)
{
  char text[sizeof json->problem];

  if (!gh_json_failed (json))
    return;
  g_snprintf (text, sizeof text, "%s\"%.100s\": %s", what, name, json->problem);
  gh_json_make_printable (text);
  g_strlcpy (json->problem, text, sizeof json->problem);
}

const char *
gh_json_problem (const GhJson *json)
{
  return json->problem;
}

gboolean
gh_json_init (GhJson *json, const char *text, gsize size)
{
  const char *bad;

  json->start = json->p = text;
  json->end = text + size;
  json->problem[0] = '\0';
  if (!g_utf8_validate_len (text, size, &bad)) {
    json->p = bad;
    return *bad == '\0' ? gh_json_fail (json, "a NUL byte in the text") : gh_json_fail (json, "not valid UTF-8");
  }
  return TRUE;
}

static void
skip_space (GhJson *json)
{
  while (json->p < json->end && (*json->p == ' ' || *json->p == '\t' || *json->p == '\n' || *json->p == '\r'))
    json->p++;
}

/* What stands at the cursor, in words, for "expected x, found y". */
static const char *
found (GhJson *json)
{
  if (json->p == json->end)
    return "the end of the text";
  switch (*json->p) {
    case '{':
      return "an object";
    case '[':
      return "an array";
    case '"':
      return "a string";
    case '-':
      return "a negative number";
    case '0' ... '9':
      return "a number";
    case 't':
    case 'f':
      return "a boolean";
    case 'n':
      return "null";
    case '}':
      return "a closing brace";
    case ']':
      return "a closing bracket";
    case ',':
      return "a comma";
    case ':':
      return "a colon";
    default:
      return "something that is not JSON";
  }
}

/* The next character after white space, '\0' at the end (the text holds no NUL of its own). */
static char
peek (GhJson *json)
{
  skip_space (json);
  return json->p < json->end ? *json->p : '\0';
}

static gboolean
expect (GhJson *json, char c, const char *what)
{
  if (gh_json_failed (json))
    return FALSE;
  if (peek (json) != c)
    return gh_json_fail (json, "expected %s, found %s", what, found (json));
  json->p++;
  return TRUE;
}

gboolean
gh_json_begin_object (GhJson *json)
{
  return expect (json, '{', "an object");
}

gboolean
gh_json_begin_array (GhJson *json)
{
  return expect (json, '[', "an array");
}

/* Common to objects and arrays: TRUE when another member follows, FALSE after `closing` or on failure. */
static gboolean
next_member (GhJson *json, gboolean *first, char closing)
{
  if (gh_json_failed (json))
    return FALSE;
  if (peek (json) == closing) {
    json->p++;
    return FALSE;
  }
  if (!*first && !expect (json, ',', closing == '}' ? "a comma or a closing brace" : "a comma or a closing bracket"))
    return FALSE;
  *first = FALSE;
  return TRUE;
}

gboolean
gh_json_next_key (GhJson *json, gboolean *first, char **key)
{
  *key = NULL;
  if (!next_member (json, first, '}'))
    return FALSE;
  if (peek (json) != '"')
    return gh_json_fail (json, "expected a name in quotes, found %s", found (json));
  if (!gh_json_string (json, key))
    return FALSE;
  if (!expect (json, ':', "a colon")) {
    g_clear_pointer (key, g_free);
    return FALSE;
  }
  return TRUE;
}

gboolean
gh_json_next_item (GhJson *json, gboolean *first)
{
  return next_member (json, first, ']');
}

static gboolean
hex4 (GhJson *json, gunichar *value)
{
  *value = 0;
  if (json->end - json->p < 4)
    return gh_json_fail (json, "a \\u escape is cut short");
  for (int i = 0; i < 4; i++) {
    int digit = g_ascii_xdigit_value (json->p[i]);

    if (digit < 0)
      return gh_json_fail (json, "a \\u escape without four hexadecimal digits");
    *value = *value * 16 + digit;
  }
  json->p += 4;
  return TRUE;
}

/* After \u: one scalar value, from a surrogate pair where the first half announces one. */
static gboolean
unicode_escape (GhJson *json, GString *out)
{
  gunichar c, low;

  if (!hex4 (json, &c))
    return FALSE;
  if (c >= 0xD800 && c < 0xDC00 && json->end - json->p >= 2 && json->p[0] == '\\' && json->p[1] == 'u') {
    json->p += 2;
    if (!hex4 (json, &low))
      return FALSE;
    if (low < 0xDC00 || low > 0xDFFF)
      return gh_json_fail (json, "half a surrogate pair in a \\u escape");
    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
  }
  if (c >= 0xD800 && c <= 0xDFFF)
    return gh_json_fail (json, "half a surrogate pair in a \\u escape");
  if (c == 0)
    return gh_json_fail (json, "an escaped NUL in a string");
  g_string_append_unichar (out, c);
  return TRUE;
}

static gboolean
escape (GhJson *json, GString *out)
{
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  const char *at;

  if (json->p == json->end)
    return gh_json_fail (json, "a string is cut short");
  if (*json->p == 'u') {
    json->p++;
    return unicode_escape (json, out);
  }
  at = strchr (from, *json->p);
  if (!at)
    return gh_json_fail (json, "an escape that JSON does not have");
  g_string_append_c (out, to[at - from]);
  json->p++;
  return TRUE;
}

gboolean
gh_json_string (GhJson *json, char **value)
{
  g_autoptr (GString) out = NULL;

  *value = NULL;
  if (!expect (json, '"', "a string"))
    return FALSE;
  out = g_string_new (NULL);
  for (;;) {
    const char *run = json->p;

    while (json->p < json->end && *json->p != '"' && *json->p != '\\' && (guchar) *json->p >= 0x20)
      json->p++;
    g_string_append_len (out, run, json->p - run);
    if (json->p == json->end)
      return gh_json_fail (json, "a string is cut short");
    if ((guchar) *json->p < 0x20)
      return gh_json_fail (json, "a raw control character in a string");
    if (*json->p++ == '"')
      break;
    if (!escape (json, out))
      return FALSE;
  }
  *value = g_string_free (g_steal_pointer (&out), FALSE);
  return TRUE;
}

gboolean
gh_json_uint (GhJson *json, guint64 *value)
{
  const char *start;
  guint64 v = 0;

  *value = 0;
  if (gh_json_failed (json))
    return FALSE;
  if (!g_ascii_isdigit (peek (json)))
    return gh_json_fail (json, "expected a whole number, found %s", found (json));
  start = json->p;
  for (; json->p < json->end && g_ascii_isdigit (*json->p); json->p++)
    if (!g_uint64_checked_mul (&v, v, 10) || !g_uint64_checked_add (&v, v, *json->p - '0'))
      return gh_json_fail (json, "a number does not fit 64 bits");
  if (*start == '0' && json->p - start > 1)
    return gh_json_fail (json, "a number with a leading zero");
  if (json->p < json->end && strchr (".eE", *json->p))
    return gh_json_fail (json, "expected a whole number, found one with a fraction or exponent");
  *value = v;
  return TRUE;
}

static gboolean
digits (const char **p, const char *end)
{
  const char *start = *p;

  while (*p < end && g_ascii_isdigit (**p))
    ++*p;
  return *p > start;
}

/* JSON's number grammar, so that the conversion never sees hexadecimal, "inf" or a locale's comma. */
static gboolean
scan_number (const char **p, const char *end)
{
  if (*p < end && **p == '-')
    ++*p;
  if (*p < end && **p == '0')
    ++*p;
  else if (!digits (p, end))
    return FALSE;
  if (*p < end && **p == '.') {
    ++*p;
    if (!digits (p, end))
      return FALSE;
  }
  if (*p < end && (**p == 'e' || **p == 'E')) {
    ++*p;
    if (*p < end && (**p == '+' || **p == '-'))
      ++*p;
    if (!digits (p, end))
      return FALSE;
  }
  return TRUE;
}

gboolean
gh_json_double (GhJson *json, double *value)
{
  char text[64];
  const char *start;
  gsize length;

  *value = 0;
  if (gh_json_failed (json))
    return FALSE;
  peek (json);
  start = json->p;
  if (!scan_number (&json->p, json->end)) {
    json->p = start;
    return gh_json_fail (json, "expected a number, found %s", found (json));
  }
  length = json->p - start;
  if (length >= sizeof text)
    return gh_json_fail (json, "a number of %" G_GSIZE_FORMAT " characters", length);
  memcpy (text, start, length);
  text[length] = '\0';
  *value = g_ascii_strtod (text, NULL);
  if (!isfinite (*value))
    return gh_json_fail (json, "a number too large for double precision");
  return TRUE;
}

gboolean
gh_json_boolean (GhJson *json, gboolean *value)
{
  *value = FALSE;
  if (gh_json_failed (json))
    return FALSE;
  peek (json);
  if (json->end - json->p >= 4 && memcmp (json->p, "true", 4) == 0) {
    *value = TRUE;
    json->p += 4;
    return TRUE;
  }
  if (json->end - json->p >= 5 && memcmp (json->p, "false", 5) == 0) {
    json->p += 5;
    return TRUE;
  }
  return gh_json_fail (json, "expected true or false, found %s", found (json));
}

gboolean
gh_json_end (GhJson *json)
{
  if (gh_json_failed (json))
    return FALSE;
  if (peek (json) != '\0')
    return gh_json_fail (json, "%s follows the JSON text", found (json));
  return TRUE;
}

void
gh_json_append_string (GString *out, const char *text)
{
  g_string_append_c (out, '"');
  for (; *text; text++) {
    if (*text == '"' || *text == '\\')
      g_string_append_printf (out, "\\%c", *text);
    else if ((guchar) *text < 0x20 || *text == 0x7f)
      g_string_append_printf (out, "\\u%04x", *text);
    else
      g_string_append_c (out, *text);
  }
  g_string_append_c (out, '"');
}

void
gh_json_append_number (GString *out, double value, gboolean single)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  for (int digits = 1; digits <= 17; digits++) {
    char format[8];

    g_snprintf (format, sizeof format, "%%.%dg", digits);
    g_ascii_formatd (text, sizeof text, format, value);
    if (single ? (float) g_ascii_strtod (text, NULL) == (float) value : g_ascii_strtod (text, NULL) == value)
      break;
  }
  g_string_append (out, text);
}
