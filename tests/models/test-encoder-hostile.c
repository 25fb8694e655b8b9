/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-encoder-hostile.c: the encoder's loader takes the sound file and refuses every hostile one, naming it.
 */
#include "models/gh-encoder.h"

#include "hostile-models.h"
#include "temp-folder.h"

#include <string.h>

int
main (int argc, char **argv)
{
  g_autofree char *folder = temp_folder_new (), *base = g_build_filename (folder, "base.safetensors", NULL);
  g_autoptr (GhEncoder) encoder = NULL;
  g_autoptr (GPtrArray) models = NULL;
  g_autoptr (GError) sound = NULL;

  hostile_models_write_base (base);
  encoder = gh_encoder_load (base, GH_DEVICE_REF, GH_PRECISION_F32, 1, &sound);
  g_assert_no_error (sound);
  models = hostile_models_write (folder, base);
  for (guint i = 0; i < models->len; i++) {
    HostileModel *model = g_ptr_array_index (models, i);
    g_autoptr (GError) error = NULL;

    if (gh_encoder_load (model->path, GH_DEVICE_REF, GH_PRECISION_F32, 1, &error))
      g_error ("%s was accepted", model->defect);
    g_assert_nonnull (error);
    if (!strstr (error->message, model->path) || (model->reason && !strstr (error->message, model->reason)))
      g_error ("%s: \"%s\" lacks \"%s\" or the path", model->defect, error->message, model->reason);
    g_print ("%s\n", error->message);
  }
  temp_folder_remove (folder);
  return 0;
}
