/* SPDX-License-Identifier: LGPL-2.1-or-later
 * heads.h: lets code of this tree write <gst/heads/heads.h> as applications do. Never installed; gst/lib/heads.h is. */
#include "gst/lib/heads.h"
