/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-multipart-reader.c: streams of parts in every dialect, cut at every byte, and what is none. */
#include "multipart-reader.h"

#include <string.h>

#define LIMIT 1000

typedef struct {
  const char *boundary, *stream, *parts;        /* the parts with | between them */
} Dialect;

static const Dialect dialects[] = {
  { "b", "--b\r\nContent-Length: 3\r\n\r\none\r\n--b\r\nContent-Length: 3\r\n\r\ntwo\r\n--b\r\n", "one|two" },
  { "b", "--b\r\nContent-Type: x\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n", "one|two" },
  { "--b", "--b\r\ncontent-length:3\r\n\r\none\r\n--b\r\nCONTENT-LENGTH:   3  \r\n\r\ntwo", "one|two" },
  { "--b", "----b\r\n\r\none\r\n----b\r\n\r\ntwo\r\n----b", "one|two" },
  { NULL, "--what\r\n\r\none\r\n--what\r\n\r\ntwo\r\n--what\r\n", "one|two" },
  /* Bare newlines; some words before; a length that is none; dashes and half a boundary inside. */
  { "b", "--b\n\none\n--b\n\ntwo\n--b\n", "one|two" },
  { "bound", "Hello.\r\n\r\n--bound\r\nContent-Length: some\r\n\r\no-\n--bou\n-e\r\n--bound\r\n\r\n\r\n--bound\r\n", "o-\n--bou\n-e|" },
  /* A length that is too small: what is left over is passed by. */
  { "b", "--b\r\nContent-Length: 3\r\n\r\nonerous\r\n--b\r\nContent-Length: 3\r\n\r\ntwo", "one|two" },
  /* The last is not whole. */
  { "b", "--b\r\nContent-Length: 3\r\n\r\none\r\n--b\r\nContent-Length: 4\r\n\r\ntwo", "one" },
  { "b", "--b\r\n\r\none\r\n--b\r\n\r\ntwo", "one" },
};

static char *
read_all (const Dialect *dialect, gsize step)
{
  MultipartReader *reader = multipart_reader_new (dialect->boundary, LIMIT);
  GString *parts = g_string_new (NULL);
  gsize size = strlen (dialect->stream);
  guint n = 0;

  for (gsize at = 0; at < size; at += step) {
    GBytes *part;

    multipart_reader_push (reader, dialect->stream + at, MIN (step, size - at));
    while ((part = multipart_reader_take (reader))) {
      g_string_append (parts, n++ ? "|" : "");
      g_string_append_len (parts, g_bytes_get_data (part, NULL), (gssize) g_bytes_get_size (part));
      g_bytes_unref (part);
    }
  }
  g_assert_null (multipart_reader_failure (reader));
  multipart_reader_free (reader);
  return g_string_free (parts, FALSE);
}

static void
test_dialects (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (dialects); i++)
    for (gsize step = 1; step <= strlen (dialects[i].stream); step++) {
      g_autofree char *parts = read_all (&dialects[i], step);

      g_assert_cmpstr (parts, ==, dialects[i].parts);
    }
}

/* Megabytes go through without being kept. */
static void
test_long (void)
{
  MultipartReader *reader = multipart_reader_new ("b", LIMIT);
  char body[900];
  guint parts = 0;

  memset (body, '\n', sizeof body);
  for (int i = 0; i < 10000; i++) {
    GBytes *part;

    multipart_reader_push (reader, "--b\r\n\r\n", 7);
    multipart_reader_push (reader, body, sizeof body);
    multipart_reader_push (reader, "\r\n", 2);
    while ((part = multipart_reader_take (reader))) {
      g_assert_cmpuint (g_bytes_get_size (part), ==, sizeof body);
      g_assert_cmpint (memcmp (g_bytes_get_data (part, NULL), body, sizeof body), ==, 0);
      parts++;
      g_bytes_unref (part);
    }
  }
  g_assert_cmpuint (parts, ==, 9999);
  g_assert_true (multipart_reader_is_inside (reader));
  multipart_reader_free (reader);
}

/* Where a stream may end without that a part is missing. */
static void
test_ends (void)
{
  static const struct {
    const char *stream;
    gboolean inside;
  } ends[] = { { "--b\r\n\r\none\r\n--b--", FALSE }, { "--b\r\n\r\none\r\n--b--\r\n", FALSE },
    { "--b\r\n\r\none\r\n--b--\r\n\r\n", FALSE }, { "--b\r\n\r\none\r\n--b\r\n", FALSE },
    { "--b\r\nContent-Length: 3\r\n\r\none", FALSE }, { "--b\r\nContent-Length: 3\r\n\r\none\r\n", FALSE },
    { "--b\r\nContent-Length: 3\r\n\r\non", TRUE }, { "--b\r\nContent-Length: 3\r\n\r\n", TRUE },
    { "--b\r\nConte", TRUE }, { "--b\r\n\r\none\r\n", TRUE }, { "--b\r\n\r\no", TRUE } };

  for (gsize i = 0; i < G_N_ELEMENTS (ends); i++) {
    MultipartReader *reader = multipart_reader_new ("b", LIMIT);
    GBytes *part;

    multipart_reader_push (reader, ends[i].stream, strlen (ends[i].stream));
    while ((part = multipart_reader_take (reader)))
      g_bytes_unref (part);
    g_assert_true (multipart_reader_is_inside (reader) == ends[i].inside);
    multipart_reader_free (reader);
  }
}

typedef struct {
  const char *begin, *more, *failure;
} Hostile;

static const Hostile hostiles[] = {
  { "--b\r\nContent-Length: 1001\r\n\r\n", "x", "too_large" },
  { "--b\r\nContent-Length: 18446744073709551615\r\n\r\n", "x", "too_large" },
  { "--b\r\n\r\n", "no end of it ", "too_large" },
  { "--b\r\n\r\n", "no end\n-\n--\n", "too_large" },
  { "", "no boundary ", "undecodable" },
  { "", "no boundary\r\n", "undecodable" },
  { "--b\r\n", "X: y\r\n", "undecodable" },
  { "--b\r\n", "XXXXXXXXX", "undecodable" },
};

static void
test_hostile (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (hostiles); i++) {
    MultipartReader *reader = multipart_reader_new ("b", LIMIT);
    gsize taken = 0;

    multipart_reader_push (reader, hostiles[i].begin, strlen (hostiles[i].begin));
    while (multipart_reader_failure (reader) == NULL && taken < 100000) {
      multipart_reader_push (reader, hostiles[i].more, strlen (hostiles[i].more));
      taken += strlen (hostiles[i].more);
      g_assert_null (multipart_reader_take (reader));
    }
    g_assert_cmpstr (multipart_reader_failure (reader), ==, hostiles[i].failure);
    multipart_reader_free (reader);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/multipart/dialects", test_dialects);
  g_test_add_func ("/multipart/ends", test_ends);
  g_test_add_func ("/multipart/long", test_long);
  g_test_add_func ("/multipart/hostile", test_hostile);
  return g_test_run ();
}
