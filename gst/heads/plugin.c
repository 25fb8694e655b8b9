/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plugin.c: registers the elements that turn embeddings into predictions, show them, and learn to make them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/gst.h>

#include "gstheadoverlay.h"
#include "gstheadpredict.h"
#include "gstheadtrainer.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean registered = FALSE;

  registered |= GST_ELEMENT_REGISTER (head_predict, plugin);
  registered |= GST_ELEMENT_REGISTER (head_overlay, plugin);
  registered |= GST_ELEMENT_REGISTER (head_trainer, plugin);
  return registered;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, heads,
    "Predictions from embeddings, their display, and how they are learned",
    plugin_init, PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
