/* SPDX-License-Identifier: LGPL-2.1-or-later
 * heads-prelude.h: what every header of the library needs: which functions it exports. */
#pragma once

#include <gst/gst.h>

#if defined(__GNUC__)
#define GST_HEADS_API __attribute__ ((visibility ("default"))) extern
#else
#define GST_HEADS_API extern
#endif
