/* SPDX-License-Identifier: LGPL-2.1-or-later
 * encoder-options.c: see the header. */
#include "encoder-options.h"

#include <string.h>

/* Index of name in names[n]; 0 when it is NULL, -1 and an error when it is none of them. */
static int
find_name (const char *const *names, int n, const char *name, const char *what, GError **error)
{
  g_autoptr (GString) list = g_string_new (NULL);

  for (int i = 0; i < n; i++) {
    if (!name || strcmp (names[i], name) == 0)
      return i;
    g_string_append_printf (list, "%s%s", i ? ", " : "", names[i]);
  }
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "there is no %s \"%s\"; there are: %s", what, name, list->str);
  return -1;
}

gboolean
gh_encoder_options_resolve (const GhEncoderOptions *options, GhDevice *device, GhPrecision *precision, GError **error)
{
  static const char *const devices[] = { "auto", "ref", "cpu", "cuda" };
  static const char *const precisions[] = { "auto", "f32", "bf16", "int16", "int8" };
  int found = find_name (devices, G_N_ELEMENTS (devices), options->device, "device", error);

  if (found < 0)
    return FALSE;
  *device = (GhDevice) found;
  found = find_name (precisions, G_N_ELEMENTS (precisions), options->precision, "precision", error);
  if (found < 0)
    return FALSE;
  *precision = (GhPrecision) found;
  return TRUE;
}

GhEncoder *
gh_encoder_options_load (const GhEncoderOptions *options, GError **error)
{
  GhDevice device;
  GhPrecision precision;

  if (!gh_encoder_options_resolve (options, &device, &precision, error))
    return NULL;
  return gh_encoder_load (options->file ? options->file : "default", device, precision, options->threads, error);
}

char *
gh_encoder_file_name (const GhEncoder *encoder)
{
  g_autofree char *base = g_path_get_basename (gh_encoder_path (encoder));

  return g_filename_display_name (base);
}

void
gh_encoder_options_clear (GhEncoderOptions *options)
{
  g_free (options->file);
  g_free (options->device);
  g_free (options->precision);
}
