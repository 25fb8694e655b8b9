/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * picture-feed.h: the fetching thread for cameras that send pictures over HTTP: motion JPEG (multipart/x-mixed-replace),
 * whose connection stays and of which a picture each interval is decoded, and an address that answers with one picture, which
 * is fetched each interval. A picture that is not whole is never shown; the same one twice is no new one where it was asked
 * for.
 */
#pragma once

#include "live-feed.h"
#include "live-http.h"

G_BEGIN_DECLS

/* For the thread of an HTTP address that has proven to be such a camera. Returns when the feed stops, or after
 * live_feed_error(). */
void picture_feed_run (LiveFeed *feed, LiveHttp *http);

G_END_DECLS
