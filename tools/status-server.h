/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * status-server.h (private): a few pages over HTTP, for this machine only (127.0.0.1 and ::1), served from the main loop:
 * that a page comes at all says that the loop turns.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GhStatusServer GhStatusServer;

/* The text of a page, and its HTTP status in *status (200 before). The server frees it. */
typedef char *(*GhStatusPage) (guint *status, gpointer data);

/* port 0: any that is free. GH_ERROR. */
GhStatusServer *gh_status_server_new (guint port, GError **error);
void gh_status_server_free (GhStatusServer *server);
guint gh_status_server_port (const GhStatusServer *server);
/* path as in "/metrics"; data outlives the server. */
void gh_status_server_add (GhStatusServer *server, const char *path, GhStatusPage page, gpointer data);

G_END_DECLS
