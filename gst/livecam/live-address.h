/* SPDX-License-Identifier: LGPL-2.1-or-later
 * live-address.h: what is wrong with an address, as far as that can be told without the network. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* NULL, or what is wrong with it and what to do, without a password that may stand in it. given: the property as it was
 * set, NULL for none; uri: the address that it stands for. The caller frees it. */
gchar *live_address_problem (const gchar *given, const gchar *uri);

G_END_DECLS
