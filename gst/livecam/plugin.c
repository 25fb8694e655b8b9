/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plugin.c: registers the sources of cameras, live and drawn. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/gst.h>

#include "gstplazatestsrc.h"
#ifdef HAVE_SOUP
#include "gstlivesrc.h"
#endif

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean registered = GST_ELEMENT_REGISTER (plaza_test_src, plugin);

#ifdef HAVE_SOUP
  registered &= GST_ELEMENT_REGISTER (live_src, plugin);
#endif
  return registered;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, livecam,
    "Live cameras, and a drawn plaza with the truth attached",
    plugin_init, PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
