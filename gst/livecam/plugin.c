/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plugin.c: registers the sources that stand for a fixed camera. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/gst.h>

#include "gstplazatestsrc.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (plaza_test_src, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, livecam,
    "Sources that stand for a fixed camera: a drawn plaza with the truth attached",
    plugin_init, PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
