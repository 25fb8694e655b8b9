/* SPDX-License-Identifier: LGPL-2.1-or-later
 * plugin.c: registers the elements of the plugin mae. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <gst/gst.h>

#include "gstmaedecoder.h"
#include "gstmaeencoder.h"
#include "gstmaetrainer.h"

static gboolean
plugin_init (GstPlugin *plugin)
{
  gboolean registered = FALSE;

  registered |= GST_ELEMENT_REGISTER (mae_encoder, plugin);
  registered |= GST_ELEMENT_REGISTER (mae_decoder, plugin);
  registered |= GST_ELEMENT_REGISTER (mae_trainer, plugin);
  return registered;
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, mae,
    "Masked autoencoders: from video frames to embeddings, and their training",
    plugin_init, PACKAGE_VERSION, "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
