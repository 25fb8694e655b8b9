/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hostile-models.h: a folder full of model files that must be refused, made from one that is sound.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *path;                   /* <folder>/<defect>.safetensors */
  const char *defect;           /* "truncated-in-data" */
  /* What the error must contain besides the path; NULL where each loader words it as it likes. */
  const char *reason;
  gboolean format;              /* gh_safetensors_open() or reading every tensor as finite float32 must refuse it */
} HostileModel;

/* Writes all of them into `folder`, which must exist. `base` is a sound encoder file with the metadata "config" (for
 * instance from gh_encoder_init_file(), small: every hostile file is about as large). Returns HostileModel*, freed
 * with the array, or aborts the test when a file cannot be written. */
GPtrArray *hostile_models_write (const char *folder, const char *base);

/* Writes a sound file of a dozen small tensors in the layout of an encoder, for tests that have none. */
void hostile_models_write_base (const char *path);

G_END_DECLS
