/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-error.h: the one GError domain of models/. Elements map the codes to GST_RESOURCE/LIBRARY errors. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define GH_ERROR gh_error_quark ()
GQuark gh_error_quark (void);

typedef enum {
  GH_ERROR_NOT_FOUND,           /* the file is absent */
  GH_ERROR_OPEN,                /* it is there but cannot be opened or read */
  GH_ERROR_CORRUPT,             /* it is not what its name or header promises */
  GH_ERROR_UNSUITABLE,          /* a sound file that does not fit: wrong shape, wrong encoder, unknown version */
  GH_ERROR_DEVICE,              /* the back end refused or failed */
  GH_ERROR_WRITE,               /* a file could not be written */
  GH_ERROR_DATA,                /* training data: too few labels, unreadable rows, ... */
  GH_ERROR_PEER,                /* another process of a training is gone, or cannot be reached */
} GhError;

G_END_DECLS
