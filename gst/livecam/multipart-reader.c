/* SPDX-License-Identifier: LGPL-2.1-or-later
 * multipart-reader.c: see multipart-reader.h. */
#include "multipart-reader.h"

#include <string.h>

/* Of one line of a part's head, and of all of them. */
#define MAX_LINE 4096
#define MAX_HEAD 16384
/* Bytes that were taken are moved away once there are so many. */
#define MAX_TAKEN (1 << 20)

typedef enum { BETWEEN, HEAD, BODY } State;

struct _MultipartReader {
  gchar *mark;                  /* the boundary, without dashes before it; "" for any */
  gsize limit;
  GByteArray *data;
  gsize at;                     /* what lies before is taken */
  gsize searched;               /* of a body without a length */
  State state;
  gsize passed;                 /* since the last part, or of this head */
  gint64 length;                /* of the body; -1: not told */
  const gchar *failure;
};

MultipartReader *
multipart_reader_new (const gchar *boundary, gsize limit)
{
  MultipartReader *reader = g_new0 (MultipartReader, 1);

  reader->mark = g_strdup (boundary ? boundary + strspn (boundary, "-") : "");
  reader->limit = limit;
  reader->data = g_byte_array_new ();
  return reader;
}

void
multipart_reader_free (MultipartReader *reader)
{
  if (reader == NULL)
    return;
  g_byte_array_unref (reader->data);
  g_free (reader->mark);
  g_free (reader);
}

void
multipart_reader_push (MultipartReader *reader, gconstpointer data, gsize size)
{
  if (reader->at >= MAX_TAKEN || reader->at == reader->data->len) {
    g_byte_array_remove_range (reader->data, 0, (guint) reader->at);
    reader->searched -= MIN (reader->searched, reader->at);
    reader->at = 0;
  }
  g_byte_array_append (reader->data, data, (guint) size);
}

const gchar *
multipart_reader_failure (const MultipartReader *reader)
{
  return reader->failure;
}

gboolean
multipart_reader_is_lost (const MultipartReader *reader)
{
  return reader->state == BETWEEN && reader->passed > MAX_LINE;
}

static gsize
left (const MultipartReader *reader)
{
  return reader->data->len - reader->at;
}

/* A boundary that nothing follows, or an empty line at most, may be the last one: some cameras say so, others end there. */
gboolean
multipart_reader_is_inside (const MultipartReader *reader)
{
  return reader->state != BETWEEN && reader->passed + left (reader) > strlen ("\r\n");
}

static gboolean
is_boundary (const MultipartReader *reader, const gchar *line, gsize size)
{
  gsize dashes = 0, n = strlen (reader->mark);

  while (dashes < size && line[dashes] == '-')
    dashes++;
  return dashes >= 2 && size - dashes >= n && memcmp (line + dashes, reader->mark, n) == 0;
}

/* Its size without the line's end, and what it takes with it. FALSE: it is not whole yet. */
static gboolean
find_line (const MultipartReader *reader, gsize *size, gsize *taken)
{
  const gchar *line = (const gchar *) reader->data->data + reader->at, *end = memchr (line, '\n', left (reader));

  if (end == NULL)
    return FALSE;
  *size = (gsize) (end - line);
  *taken = *size + 1;
  if (*size > 0 && line[*size - 1] == '\r')
    --*size;
  return TRUE;
}

/* TRUE once the boundary is passed. */
static gboolean
pass_between (MultipartReader *reader)
{
  gsize size, taken;

  while (find_line (reader, &size, &taken)) {
    gboolean boundary = is_boundary (reader, (const gchar *) reader->data->data + reader->at, size);

    reader->at += taken;
    reader->passed += taken;
    if (boundary) {
      reader->state = HEAD;
      reader->passed = 0;
      reader->length = -1;
      return TRUE;
    }
  }
  if (left (reader) > MAX_LINE) {       /* no boundary is as long */
    reader->passed += left (reader);
    reader->at = reader->data->len;
  }
  if (reader->passed > reader->limit)
    reader->failure = "undecodable";
  return FALSE;
}

static void
take_field (MultipartReader *reader, const gchar *line, gsize size)
{
  static const gchar name[] = "content-length:";
  g_autofree gchar *text = g_strndup (line, size), *value = NULL;
  guint64 length;

  if (g_ascii_strncasecmp (text, name, sizeof name - 1) != 0)
    return;
  value = g_strstrip (g_strdup (text + sizeof name - 1));
  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT64, &length, NULL))
    return;                     /* as if it said nothing */
  reader->length = (gint64) length;
  if (length > reader->limit)
    reader->failure = "too_large";
}

/* TRUE once the empty line is passed. */
static gboolean
pass_head (MultipartReader *reader)
{
  gsize size, taken;

  while (reader->failure == NULL && find_line (reader, &size, &taken)) {
    take_field (reader, (const gchar *) reader->data->data + reader->at, size);
    reader->at += taken;
    reader->passed += taken;
    if (size == 0) {
      reader->state = BODY;
      reader->searched = reader->at;
      return reader->failure == NULL;
    }
  }
  if (reader->failure == NULL && reader->passed + left (reader) > MAX_HEAD)
    reader->failure = "undecodable";
  return FALSE;
}

/* The line's end before the next boundary; NULL: it is not there yet. */
static const guint8 *
find_end (MultipartReader *reader)
{
  const guint8 *data = reader->data->data, *end = data + reader->data->len, *line = data + reader->searched;
  gsize longest = strlen (reader->mark) + 8;    /* with some dashes, and the end of the line */

  while ((line = memchr (line, '\n', (gsize) (end - line)))) {
    gsize size = (gsize) (end - line) - 1;

    if (is_boundary (reader, (const gchar *) line + 1, MIN (size, longest)))
      return line;
    if (size < longest) {       /* it may become one */
      reader->searched = (gsize) (line - data);
      return NULL;
    }
    line++;
  }
  reader->searched = reader->data->len;
  return NULL;
}

static GBytes *
take_body (MultipartReader *reader)
{
  const guint8 *begin = reader->data->data + reader->at, *end = NULL, *next = NULL;
  GBytes *body;

  if (reader->length >= 0 && left (reader) >= (gsize) reader->length)
    end = next = begin + reader->length;
  else if (reader->length < 0 && (end = next = find_end (reader)) && end > begin && end[-1] == '\r')
    end--;
  if (end == NULL) {
    if (left (reader) > reader->limit)
      reader->failure = "too_large";
    return NULL;
  }
  body = g_bytes_new (begin, (gsize) (end - begin));
  reader->at += (gsize) (next - begin);
  reader->state = BETWEEN;
  reader->passed = 0;
  return body;
}

GBytes *
multipart_reader_take (MultipartReader *reader)
{
  if (reader->failure)
    return NULL;
  if (reader->state == BETWEEN && !pass_between (reader))
    return NULL;
  if (reader->state == HEAD && !pass_head (reader))
    return NULL;
  return take_body (reader);
}
