/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * service-notify.h (private): words to the service manager that started this process, by the protocol of sd_notify(3).
 * Without one ($NOTIFY_SOCKET) nothing happens.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* "READY=1", "STOPPING=1", "STATUS=...". Any thread; never blocks. */
void gh_service_notify (const char *state);

/* Microseconds within which the manager wants to hear WATCHDOG=1 from this process; 0: it does not. */
gint64 gh_service_watchdog_interval (void);

/* Says WATCHDOG=1, at most four times in an interval however often it is called. Any thread. */
void gh_service_watchdog_feed (void);

G_END_DECLS
