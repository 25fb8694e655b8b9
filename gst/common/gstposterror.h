/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstposterror.h: a GError as an element's error message where its domain is one of GStreamer's and its text is for
 * people already. For those of models/ there is gstmodelerror.h.
 */
#pragma once

#include <gst/gst.h>

/* Call without a lock held. The error stays the caller's. */
#define GST_ELEMENT_POST_ERROR(element, error) \
    gst_element_message_full (GST_ELEMENT (element), GST_MESSAGE_ERROR, (error)->domain, (error)->code, \
        g_strdup ((error)->message), NULL, __FILE__, GST_FUNCTION, __LINE__)
