/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-checkpoint.h (private): an encoder file opened and found consistent. Every tensor the configuration demands is
 * there with its exact shape and nothing else is, before any memory for weights exists. Files of ours and Meta's MAE
 * in the Hugging Face layout look the same from here: tensors go by our names and come in our order.
 */
#pragma once

#include "gh-mae-layout.h"

G_BEGIN_DECLS

/* Where the numbers of one of our tensors lie in the file. */
typedef struct {
  const GhTensorInfo *part[3];  /* stacked by rows: query, key and value make one qkv */
  int n_parts;
  gboolean is_kernel;           /* [D,3,p,p] to be turned into [D,p*p*3] */
  gboolean is_foreign;          /* may carry leading dimensions of 1 */
} GhTensorSource;

typedef struct _GhCheckpoint GhCheckpoint;

GhCheckpoint *gh_checkpoint_open (const char *path, GError **error);
void gh_checkpoint_free (GhCheckpoint *checkpoint);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhCheckpoint, gh_checkpoint_free)

/* The path as messages write it. */
const char *gh_checkpoint_shown (const GhCheckpoint *checkpoint);
const char *gh_checkpoint_id (GhCheckpoint *checkpoint, GError **error);
const GhMaeConfig *gh_checkpoint_config (const GhCheckpoint *checkpoint);
/* The whole table, absent tensors included. */
const GPtrArray *gh_checkpoint_layout (const GhCheckpoint *checkpoint);
gboolean gh_checkpoint_is_trained (const GhCheckpoint *checkpoint);
/* NULL when absent. */
const char *gh_checkpoint_metadata (const GhCheckpoint *checkpoint, const char *key);

/* FALSE only for the tensors that may be absent. */
gboolean gh_checkpoint_has (const GhCheckpoint *checkpoint, const char *name);
/* out: as many numbers as the layout says; NaN and infinity are refused. */
gboolean gh_checkpoint_read (GhCheckpoint *checkpoint, const char *name, float *out, GError **error);

/* The state of a training, which an encoder has no use for: a file whose metadata has GH_CHECKPOINT_STATE may hold
 * tensors whose names begin with GH_CHECKPOINT_STATE_PREFIX beside the layout's. */
#define GH_CHECKPOINT_STATE "training_state"
#define GH_CHECKPOINT_STATE_PREFIX "train."
guint gh_checkpoint_n_state_tensors (const GhCheckpoint *checkpoint);
/* The size of such a tensor of one dimension or of the shape of `like` (may be NULL); -1 when there is none. */
gint64 gh_checkpoint_state_count (const GhCheckpoint *checkpoint, const char *name, const GhParam *like);
gboolean gh_checkpoint_read_state (GhCheckpoint *checkpoint, const char *name, float *out, GError **error);

G_END_DECLS
