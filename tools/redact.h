/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * redact.h: keeps passwords and tokens out of what is printed, plotted and recorded. Cameras' addresses and pipelines'
 * text carry them, and so do the errors of elements.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A copy with *** for the user and query of every URI, for the values of properties such as user-pw, and for passwords in
 * paths. Takes too much
 * rather than too little. Any encoding; NULL gives NULL. */
char *gh_redact (const char *text);

/* "rtsp://camera" of a URI with a host, whatever else is in it; its file name of a file or file:// URI. */
char *gh_redact_to_host (const char *file_or_uri);

G_END_DECLS
