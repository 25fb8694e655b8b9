/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstplazatestsrc.h: plaza-test-src, a plaza with walking people and the light of the day, with the truth attached. */
#pragma once

#include <gst/base/gstpushsrc.h>

G_BEGIN_DECLS

#define GST_TYPE_PLAZA_TEST_SRC (gst_plaza_test_src_get_type ())
G_DECLARE_FINAL_TYPE (GstPlazaTestSrc, gst_plaza_test_src, GST, PLAZA_TEST_SRC, GstPushSrc)

GST_ELEMENT_REGISTER_DECLARE (plaza_test_src);

G_END_DECLS
