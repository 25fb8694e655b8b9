/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plugin.c: registers the elements that keep frames and replay them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/gst.h>

#include "gstdatasetsink.h"
#include "gstdatasetsrc.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  return GST_ELEMENT_REGISTER (dataset_sink, plugin) && GST_ELEMENT_REGISTER (dataset_src, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, dataset,
    "Frames kept in a dataset: images beside a catalogue that forgets nothing",
    plugin_init, PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
