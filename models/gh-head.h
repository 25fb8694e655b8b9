/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head.h: a trained head: standardises an embedding, applies a linear layer, kernels or a small MLP, and says in
 * words what came out. One safetensors file per head; immutable and thread-safe once loaded, reference counted.
 *
 * Metadata of the file: format_version, task (the name), kind, unit, classes (JSON array), encoder_id, encoder_file,
 * embedding, label statistics, held_out_error with its interval, baseline_error, metric, labels, trained_at (ISO 8601).
 * Tensors: input.mean, input.std [E]; then fc1.weight [out,in], fc1.bias [out], fc2..., GELU (erf) between them; at
 * most 8 layers, none wider than 8192. Heads made by kernel ridge have one layer, and to its outputs add the sum over
 * centres c and widths w of weight (1 + d/w) exp (-d/w), d the distance of the standardised embedding from c:
 * kernels.centres [centres,E] (bfloat16, the labels it learned from), kernels.widths [widths],
 * kernels.weight [out,widths,centres]; at most 8192 centres and 16 widths.
 * Outputs: scalar, count: 1 number (count is clipped at 0); time: 2 to 24 numbers, what cos t, sin t, cos 2t, sin 2t, ...
 * of t = 2 pi minute/1440 are multiplied with in a sum that is highest at the answer (2: cos and sin of it);
 * class: one logit per class.
 */
#pragma once

#include "gh-error.h"

G_BEGIN_DECLS

typedef enum { GH_HEAD_SCALAR, GH_HEAD_COUNT, GH_HEAD_TIME, GH_HEAD_CLASS } GhHeadKind;

typedef struct _GhHead GhHead;

typedef struct {
  double value;                 /* the number; minute of the day for time; index for class */
  double confidence;            /* class: probability; time: height of that sum, 0..1, clipped; else NAN */
  char text[64];                /* "3", "2.41 m", "14:05", "sunny" */
} GhPrediction;

GhHead *gh_head_load (const char *path, GError **error);
GhHead *gh_head_ref (GhHead *head);
void gh_head_unref (GhHead *head);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhHead, gh_head_unref)

const char *gh_head_name (const GhHead *head);
const char *gh_head_path (const GhHead *head);
const char *gh_head_id (const GhHead *head);            /* 16 hex digits of the head's own file */
/* gh_file_stamp() of the file when it was loaded or saved. */
guint64 gh_head_stamp (const GhHead *head);
const char *gh_head_unit (const GhHead *head);          /* "" when none */
GhHeadKind gh_head_kind (const GhHead *head);
const char *gh_head_kind_name (GhHeadKind kind);        /* "scalar", "count", "time", "class" */
gboolean gh_head_kind_from_name (const char *name, GhHeadKind *kind);
int gh_head_embedding (const GhHead *head);             /* numbers it reads */
const char *gh_head_encoder_id (const GhHead *head);
const char *gh_head_encoder_file (const GhHead *head);  /* file name at training time, for messages */
const char *const *gh_head_classes (const GhHead *head);        /* NULL-terminated; NULL unless the kind is class */
/* One entry of the file's metadata ("held_out_error"), NULL when absent. */
const char *gh_head_metadata (const GhHead *head, const char *key);

/* NULL error when the head fits an embedding of `dim` numbers from encoder `model_id`; otherwise FALSE and an error
 * that names both files and says what to do. encoder_path may be NULL (embeddings that came over a network), model_id
 * too where the sender did not tell: then only the number of values is compared. */
gboolean gh_head_check (const GhHead *head, const char *model_id, const char *encoder_path, int dim, GError **error);

/* embedding[E] -> prediction. Thread-safe; allocates nothing (76 KiB of stack). FALSE when the result is not finite:
 * value and confidence are NAN then and the text is empty. The text has a point for decimals in every locale. */
gboolean gh_head_predict (const GhHead *head, const float *embedding, GhPrediction *prediction);

/* How far embedding[E] is from those the head learned from: the root of the mean, over its numbers, of their squared
 * deviations from the mean in deviations. 1 is usual: over a camera's later days the median is 0.7 to 1.2, of single
 * frames 1 % are beyond 1.3 to 4; another camera, crop or shape of the picture lay at 5 to 6 for a head that counts people, at
 * 1 to 1.6 for one that looks away from what changed (docs/experiments.md). NAN when a number is not finite. */
double gh_head_strangeness (const GhHead *head, const float *embedding);
#define GH_HEAD_STRANGE 2.0     /* beyond, when it comes again and again */

G_END_DECLS
