/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * stream-probe.h: what is behind an address of HTTP, by its ending, or else by one request: the type and the first bytes of
 * the answer, of which no more is taken than that.
 */
#pragma once

#include "live-feed.h"
#include "live-http.h"

G_BEGIN_DECLS

/* UNKNOWN: it could not be reached or is none that may be played, with a *reason and *detail of the caller's to free. PAGE
 * may have them too: the server refused with a page, and the resolver may know better. Blocks for up to the feed's
 * request_timeout. */
StreamKind stream_probe (LiveFeed *feed, LiveHttp *http, const gchar *uri, gchar **reason, gchar **detail);

G_END_DECLS
