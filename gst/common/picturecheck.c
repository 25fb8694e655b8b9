/* SPDX-License-Identifier: LGPL-2.1-or-later
 * picturecheck.c: see picturecheck.h. */
#include "picturecheck.h"

#include <string.h>

#define MAX_PIXELS (G_GUINT64_CONSTANT (128) << 20)
/* A progressive JPEG has about ten; each one goes over all pixels again. */
#define MAX_SCANS 100

/* Signature, size and name of the first chunk come before its numbers. */
#define PNG_NUMBERS 16

/* The second bytes of markers. */
enum { SOI = 0xd8, SOS = 0xda };

gboolean
picture_is_jpeg (const guint8 *data, gsize size)
{
  return size > 2 && data[0] == 0xff && data[1] == SOI;
}

/* Where a segment is after its marker: size in two bytes, itself among them. */
static gboolean
has_size (guint8 marker)
{
  return marker >= 0xc0 && marker != 0xff && (marker < 0xd0 || marker > 0xd9);
}

static gboolean
is_frame_header (guint8 marker)
{
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static guint
number_at (const guint8 *at)
{
  return at[0] << 8 | at[1];
}

/* From marker to marker, past the coded pixels: those hold none but of kinds without a segment. */
static gboolean
jpeg_is_bearable (const guint8 *data, gsize size)
{
  const guint8 *at = data, *end = data + size;
  guint scans = 0;

  while (at < end && (at = memchr (at, 0xff, (gsize) (end - at)))) {
    while (at < end && *at == 0xff)
      at++;
    if (end - at < 3)           /* the marker and the segment's size */
      return TRUE;
    if (!has_size (*at))
      continue;
    if (is_frame_header (*at) && end - at >= 8 && (guint64) number_at (at + 4) * number_at (at + 6) > MAX_PIXELS)
      return FALSE;
    if (*at == SOS && ++scans > MAX_SCANS)
      return FALSE;
    at += MIN (1 + MAX (2, (gsize) number_at (at + 1)), (gsize) (end - at));
  }
  return TRUE;
}

/* Width and height stand at the beginning of the first chunk, which is always this one. */
static gboolean
png_is_bearable (const guint8 *data, gsize size)
{
  const guint8 *numbers = data + PNG_NUMBERS;

  if (size < PNG_NUMBERS + 8)
    return TRUE;
  guint64 width = (guint64) number_at (numbers) << 16 | number_at (numbers + 2);
  guint64 height = (guint64) number_at (numbers + 4) << 16 | number_at (numbers + 6);
  return width == 0 || height <= MAX_PIXELS / width;
}

gboolean
picture_is_bearable (const guint8 *data, gsize size)
{
  static const guint8 png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

  if (picture_is_jpeg (data, size))
    return jpeg_is_bearable (data, size);
  return size < sizeof png || memcmp (data, png, sizeof png) != 0 || png_is_bearable (data, size);
}
