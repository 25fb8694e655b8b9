/* SPDX-License-Identifier: LGPL-2.1-or-later
 * test-picture-check.c: sizes and scans that JPEGs and PNGs claim, also cut at every byte. */
#include "picturecheck.h"

#include <string.h>

/* An APP1 segment with what looks like the head of a huge frame inside; then the frame's own head, and its scans, in which
 * zeros are stuffed and restarts stand. */
static GByteArray *
make (guint width, guint height, guint scans)
{
  static const guint8 begin[] = { 0xff, 0xd8, 0xff, 0xe1, 0, 12, 0xff, 0xc0, 0, 17, 8, 0xff, 0xff, 0xff, 0xff, 3 };
  static const guint8 scan[] = { 0xff, 0xff, 0xda, 0, 4, 1, 1, 'x', 0xff, 0, 0xc0, 'y', 0xff, 0xd0, 'z', 0xff, 0, 0xda };
  const guint8 frame[] = { 0xff, 0xc2, 0, 11, 8, (guint8) (height >> 8), (guint8) height, (guint8) (width >> 8), (guint8) width,
    1, 1, 0x11, 0 };
  static const guint8 end[] = { 0xff, 0xd9 };
  GByteArray *jpeg = g_byte_array_new ();

  g_byte_array_append (jpeg, begin, sizeof begin);
  g_byte_array_append (jpeg, frame, sizeof frame);
  for (guint i = 0; i < scans; i++)
    g_byte_array_append (jpeg, scan, sizeof scan);
  g_byte_array_append (jpeg, end, sizeof end);
  return jpeg;
}

static gboolean
is_bearable (guint width, guint height, guint scans)
{
  g_autoptr (GByteArray) jpeg = make (width, height, scans);

  g_assert_true (picture_is_jpeg (jpeg->data, jpeg->len));
  return picture_is_bearable (jpeg->data, jpeg->len);
}

static void
test_size (void)
{
  g_assert_true (is_bearable (640, 480, 1));
  g_assert_true (is_bearable (16384, 8192, 1));
  g_assert_false (is_bearable (16384, 8193, 1));
  g_assert_false (is_bearable (65535, 65535, 1));
}

static void
test_scans (void)
{
  g_assert_true (is_bearable (640, 480, 100));
  g_assert_false (is_bearable (640, 480, 101));
}

/* Every beginning is bearable or not, and none is read beyond its end: each has a block of its own. */
static void
test_cut (void)
{
  g_autoptr (GByteArray) jpeg = make (65535, 65535, 2);

  for (gsize size = 0; size <= jpeg->len; size++) {
    g_autofree guint8 *cut = g_memdup2 (jpeg->data, size);

    g_assert_true (picture_is_jpeg (cut, size) == (size > 2));
    g_assert_true (picture_is_bearable (cut, size) == (size < 16 + 9));
  }
}

static GByteArray *
make_png (guint width, guint height)
{
  static const guint8 begin[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R' };
  const guint32 numbers[] = { GUINT32_TO_BE (width), GUINT32_TO_BE (height) };
  GByteArray *png = g_byte_array_new ();

  g_byte_array_append (png, begin, sizeof begin);
  g_byte_array_append (png, (const guint8 *) numbers, sizeof numbers);
  return png;
}

static void
test_png (void)
{
  static const struct { guint width, height; gboolean bearable; } cases[] = { { 640, 480, TRUE }, { 0, 1u << 31, TRUE },
    { 16384, 8192, TRUE }, { 16384, 8193, FALSE }, { 1u << 31, 1u << 31, FALSE }, { 1u << 27, 1, TRUE } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GByteArray) png = make_png (cases[i].width, cases[i].height);

    g_assert_false (picture_is_jpeg (png->data, png->len));
    for (gsize size = 0; size <= png->len; size++) {
      g_autofree guint8 *cut = g_memdup2 (png->data, size);

      g_assert_true (picture_is_bearable (cut, size) == (cases[i].bearable || size < png->len));
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/picture-check/size", test_size);
  g_test_add_func ("/picture-check/scans", test_scans);
  g_test_add_func ("/picture-check/cut", test_cut);
  g_test_add_func ("/picture-check/png", test_png);
  return g_test_run ();
}
