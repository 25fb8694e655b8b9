/* SPDX-License-Identifier: LGPL-2.1-or-later
 * uri-feed.h: the fetching thread for what GStreamer plays itself: cameras by RTSP, files. */
#pragma once

#include "live-feed.h"

G_BEGIN_DECLS

/* A GThreadFunc; data is the LiveFeed. A pipeline that fails or falls silent is put away and another one begun; only a file
 * ends, and is an error when it cannot be played. */
gpointer uri_feed_run (gpointer data);

G_END_DECLS
