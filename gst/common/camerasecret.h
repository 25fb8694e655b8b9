/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * camerasecret.h: what cameras want to have in the path of their address, such as
 * /user=admin&password=secret&channel=1.sdp or /user=admin_password=secret_channel=1.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A copy with *** for the values of user, password, token and the like in any text, where / & ; or _ is before the name. Any
 * encoding; "***" where the text is too odd to be looked through. */
gchar *camera_secret_redact (const gchar *text);

G_END_DECLS
