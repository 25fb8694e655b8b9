/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * safetensors-util.h: what the tests of the reader and of the writer share.
 */
#pragma once

#include "models/gh-error.h"
#include "models/gh-safetensors.h"

#include <string.h>

/* Opens the file and reads every tensor the way a model's loader does. */
static inline gboolean
read_all (const char *path, GError **error)
{
  g_autoptr (GhSafetensors) st = gh_safetensors_open (path, error);

  if (!st)
    return FALSE;
  for (guint i = 0; i < gh_safetensors_n_tensors (st); i++) {
    const GhTensorInfo *tensor = gh_safetensors_tensor (st, i);
    g_autofree float *values = g_new (float, tensor->count);

    if (!gh_safetensors_read_f32 (st, tensor, values, TRUE, error))
      return FALSE;
  }
  return gh_safetensors_id (st, error) != NULL;
}

static inline void
assert_refused (const char *path, const char *defect, const char *reason, const GError *error)
{
  if (!error)
    g_error ("%s was accepted", defect);
  if (!strstr (error->message, path) || (reason && !strstr (error->message, reason)))
    g_error ("%s: \"%s\" lacks \"%s\" or the path", defect, error->message, reason);
  g_assert_true (error->domain == GH_ERROR);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  for (const char *c = error->message; *c; c++)
    g_assert_false (g_ascii_iscntrl (*c));
  if (reason)
    g_test_message ("%s", error->message);
}

static inline char *
contents (const char *path, gsize *size)
{
  char *bytes;

  g_assert_true (g_file_get_contents (path, &bytes, size, NULL));
  return bytes;
}
