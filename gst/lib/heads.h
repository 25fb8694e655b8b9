/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * heads.h: everything the library gstreamer-heads-1.0 offers. Applications write #include <gst/heads/heads.h>.
 */
#pragma once

#include "heads-prelude.h"
#include "gstmaeembeddingmeta.h"
#include "gstmaeembeddingcaps.h"
#include "gstheadpredictionsmeta.h"
