/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-doubts.c: see live-doubts.h. */
#include "live-doubts.h"

#include <gst/video/video.h>
#include <string.h>

#define CLOCK_SUSPECT_US (60 * G_USEC_PER_SEC)
/* A doubt that has begun ends below this, so that a clock at the limit does not ring all day. */
#define CLOCK_TRUSTED_US (55 * G_USEC_PER_SEC)
/* Pictures are looked at this far apart: of thirty a second one is enough. */
#define LOOK_US G_USEC_PER_SEC
#define SAME_PICTURES 3

gboolean
live_clocks_differ (gint64 offset)
{
  return ABS (offset) > CLOCK_SUSPECT_US;
}

gboolean
live_doubts_weigh_clock (LiveDoubts *doubts, gint64 captured_at, gint64 now)
{
  gboolean before = doubts->clock;

  doubts->clock_offset = captured_at - now;
  doubts->clock = live_clocks_differ (doubts->clock_offset)
      || (before && ABS (doubts->clock_offset) > CLOCK_TRUSTED_US);
  return doubts->clock != before;
}

/* FNV-1a in steps of eight bytes. */
static guint64
hash_row (guint64 hash, const guint8 *row, gsize n)
{
  guint64 word;

  for (; n >= sizeof word; row += sizeof word, n -= sizeof word) {
    memcpy (&word, row, sizeof word);
    hash = (hash ^ word) * G_GUINT64_CONSTANT (0x100000001b3);
    hash ^= hash >> 29;         /* multiplication alone moves nothing down */
  }
  while (n-- > 0)
    hash = (hash ^ *row++) * G_GUINT64_CONSTANT (0x100000001b3);
  return hash;
}

/* What can be seen, without the rows' padding; 0: not in memory. */
static guint64
hash_picture (GstSample *sample)
{
  guint64 hash = G_GUINT64_CONSTANT (0xcbf29ce484222325);
  GstVideoFrame frame;
  GstVideoInfo info;

  if (!gst_video_info_from_caps (&info, gst_sample_get_caps (sample))
      || !gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample), GST_MAP_READ))
    return 0;
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&frame); c++) {
    gsize width = (gsize) GST_VIDEO_FRAME_COMP_WIDTH (&frame, c) * GST_VIDEO_FRAME_COMP_PSTRIDE (&frame, c);

    for (gint y = 0; c == GST_VIDEO_FRAME_COMP_PLANE (&frame, c) && y < GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c); y++)
      hash = hash_row (hash, (const guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&frame, c)
          + (gssize) y * GST_VIDEO_FRAME_PLANE_STRIDE (&frame, c), width);
  }
  gst_video_frame_unmap (&frame);
  return MAX (hash, 1);
}

gboolean
live_doubts_weigh_picture (LiveDoubts *doubts, GstSample *picture, gint64 now, gint64 patience)
{
  gboolean before = doubts->frozen;
  guint64 hash;

  if (doubts->looked && now - doubts->looked < LOOK_US)
    return FALSE;
  hash = hash_picture (picture);
  if (hash && doubts->looked && hash == doubts->picture) {
    doubts->same++;
  } else {
    doubts->same = 0;
    doubts->since = now;
  }
  doubts->looked = now;
  doubts->picture = hash;
  doubts->frozen = doubts->same >= SAME_PICTURES && now - doubts->since > patience;
  return doubts->frozen != before;
}
