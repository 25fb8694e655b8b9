/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * scale-key.h: the API key of Scale AI: from a file or the environment, to the header of a request, and nowhere else.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define SCALE_KEY_VARIABLE "SCALE_API_KEY"
#define NUCLEUS_KEY_VARIABLE "NUCLEUS_API_KEY"

typedef struct _ScaleKey ScaleKey;

/* From the first line of the file, or with file NULL from the variable. NULL with an error of G_IO_ERROR that says what to
 * do, never what was read. The file should be readable by its owner alone; *exposed (may be NULL) says it is not. */
ScaleKey *scale_key_load (const gchar *file, const gchar *variable, gboolean *exposed, GError **error);
/* Overwrites it. NULL is fine. */
void scale_key_free (ScaleKey *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScaleKey, scale_key_free)

/* Work with this key is done by people and paid for. */
gboolean scale_key_is_live (const ScaleKey *key);
/* "Basic ...", the value of the header Authorization. Borrowed; for a request and for nothing else. */
const gchar *scale_key_authorization (const ScaleKey *key);
/* text with every occurrence of the key, plain or as it is sent, taken out; free it. What a server says goes through
 * this before a person or a log sees it. */
gchar *scale_key_redact (const ScaleKey *key, const gchar *text);

G_END_DECLS
