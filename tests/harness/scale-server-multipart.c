/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-server-multipart.c: multipart/form-data (RFC 7578), strictly, with the headers of each part as they came. */
#include "scale-private.h"

#include <string.h>

enum { MAX_PARTS = 64, MAX_HEADERS = 16 * 1024, MAX_BOUNDARY = 70 };

static GQuark
multipart_error (void)
{
  return g_quark_from_static_string ("scale-multipart");
}

#define refuse(error, ...) g_set_error (error, multipart_error (), 0, __VA_ARGS__)

static void
part_free (gpointer data)
{
  ScalePart *part = data;

  g_free (part->headers);
  g_free (part->name);
  g_free (part->filename);
  g_free (part->content_type);
  g_clear_pointer (&part->body, g_bytes_unref);
  g_free (part);
}

static char *
find_boundary (const char *content_type, GError **error)
{
  const char *parameters = strchr (content_type, ';');
  GHashTable *list = parameters ? soup_header_parse_semi_param_list (parameters + 1) : NULL;
  char *boundary = list ? g_strdup (g_hash_table_lookup (list, "boundary")) : NULL;

  g_clear_pointer (&list, soup_header_free_param_list);
  if (boundary && *boundary && strlen (boundary) <= MAX_BOUNDARY)
    return boundary;
  refuse (error, "multipart body without a boundary of 1 to %d characters in its Content-Type", MAX_BOUNDARY);
  g_free (boundary);
  return NULL;
}

/* Name, file name and type from the headers. */
static gboolean
read_headers (ScalePart *part, GError **error)
{
  g_autoptr (SoupMessageHeaders) headers = soup_message_headers_new (SOUP_MESSAGE_HEADERS_MULTIPART);
  g_autofree char *with_line = g_strconcat ("part\r\n", part->headers, "\r\n", NULL), *disposition = NULL;
  GHashTable *parameters = NULL;

  if (!soup_headers_parse (with_line, strlen (with_line), headers) ||
      !soup_message_headers_get_content_disposition (headers, &disposition, &parameters) ||
      g_ascii_strcasecmp (disposition, "form-data") != 0 || !g_hash_table_contains (parameters, "name")) {
    g_clear_pointer (&parameters, g_hash_table_unref);
    refuse (error, "a part without a Content-Disposition of form-data with a name");
    return FALSE;
  }
  part->name = g_strdup (g_hash_table_lookup (parameters, "name"));
  part->filename = g_strdup (g_hash_table_lookup (parameters, "filename"));
  part->content_type = g_strdup (soup_message_headers_get_one (headers, "Content-Type"));
  g_hash_table_unref (parameters);
  return TRUE;
}

static ScalePart *
read_part (GBytes *body, const char *begin, const char *end, GError **error)
{
  const char *whole = g_bytes_get_data (body, NULL), *gap = memmem (begin, end - begin, "\r\n\r\n", 4);
  ScalePart *part = g_new0 (ScalePart, 1);

  if (gap == NULL || gap - begin > MAX_HEADERS || memchr (begin, 0, gap - begin) ||
      !g_utf8_validate (begin, gap - begin, NULL)) {
    refuse (error, "a part whose headers do not end, or are no text");
    part_free (part);
    return NULL;
  }
  part->headers = g_strndup (begin, gap + 2 - begin);
  part->body = g_bytes_new_from_bytes (body, gap + 4 - whole, end - gap - 4);
  if (read_headers (part, error))
    return part;
  part_free (part);
  return NULL;
}

/* What follows the boundary on its line: 1 another part (*rest: its headers), 0 the end, -1 neither. */
static int
after_boundary (const char *at, const char *end, const char **rest)
{
  if (end - at >= 2 && memcmp (at, "--", 2) == 0)
    return 0;
  while (at < end && (*at == ' ' || *at == '\t'))
    at++;
  *rest = at + 2;
  return end - at >= 2 && memcmp (at, "\r\n", 2) == 0 ? 1 : -1;
}

static gboolean
read_parts (GPtrArray *parts, GBytes *body, const char *boundary, GError **error)
{
  g_autofree char *mark = g_strconcat ("\r\n--", boundary, NULL);
  gsize size, length = strlen (mark);
  const char *at = g_bytes_get_data (body, &size), *end = at + size, *begin = NULL;
  int more;

  /* The first boundary needs no line before it. */
  if (size >= length - 2 && memcmp (at, mark + 2, length - 2) == 0)
    at -= 2;
  else
    at = size ? memmem (at, size, mark, length) : NULL;
  while (at) {
    const char *rest = NULL;

    if (begin) {
      ScalePart *part = read_part (body, begin, at, error);

      if (part == NULL)
        return FALSE;
      g_ptr_array_add (parts, part);
    }
    more = after_boundary (at + length, end, &rest);
    if (more == 0)
      return TRUE;
    if (more < 0 || parts->len == MAX_PARTS) {
      refuse (error, more < 0 ? "a boundary with something behind it" : "too many parts");
      return FALSE;
    }
    begin = rest;
    at = memmem (begin, end - begin, mark, length);
  }
  refuse (error, "multipart body that ends before its last boundary");
  return FALSE;
}

GPtrArray *
scale_multipart_parse (const char *content_type, GBytes *body, GError **error)
{
  g_autofree char *boundary = find_boundary (content_type, error);
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (part_free);

  if (boundary && read_parts (parts, body, boundary, error))
    return g_steal_pointer (&parts);
  return NULL;
}
