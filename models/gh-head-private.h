/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-head-private.h: the inside of a head, for the files that make, load, save and run one.
 */
#pragma once

#include "gh-head.h"

G_BEGIN_DECLS

#define GH_HEAD_MAX_LAYERS 8
#define GH_HEAD_MAX_WIDTH 8192
#define GH_HEAD_MAX_CLASSES 1024
#define GH_HEAD_MAX_CENTRES 8192
#define GH_HEAD_MAX_KERNELS 16
#define GH_HEAD_FORMAT "1"

typedef struct {
  int n_in, n_out;
  float *weight, *bias;         /* [n_out,n_in], [n_out] */
} GhHeadLayer;

/* What kernel ridge adds to the single layer's outputs: sum over centres c and widths w of
 * weight (1 + d/w) exp (-d/w), with the distance d of the standardised embedding from the centre. */
typedef struct {
  int n_centres, n_kernels;     /* 0 without */
  float *centres;               /* [n_centres,E]; files hold them as bfloat16 */
  float *widths;                /* [n_kernels], > 0 */
  float *weight;                /* [outputs,n_kernels,n_centres] */
} GhHeadKernels;

struct _GhHead {
  gatomicrefcount ref_count;
  GhHeadKind kind;
  int embedding;                /* E */
  char *path, *id;              /* NULL until saved; changed by gh_head_save() only */
  guint64 stamp;                /* the same */
  char **classes;               /* NULL unless kind is class */
  GHashTable *metadata;         /* char* -> char*: everything the file says, names and units included */
  float *mean, *std;            /* [E] of the embeddings trained on */
  int n_layers;
  GhHeadLayer layers[GH_HEAD_MAX_LAYERS];
  GhHeadKernels kernels;
};

/* What a head is made of. Everything is borrowed and copied. */
typedef struct {
  GhHeadKind kind;
  const char *name, *unit;      /* unit may be NULL */
  const char *const *classes;   /* NULL-terminated for class, else NULL */
  const char *encoder_id, *encoder_file;
  int embedding;
  const float *mean, *std;      /* [E]; std > 0 (1 where the training data did not vary) */
  int n_layers;
  GhHeadLayer layers[GH_HEAD_MAX_LAYERS];
  GhHeadKernels kernels;        /* only with a single layer */
  GHashTable *record;           /* further metadata, char* -> char*; may be NULL */
} GhHeadParts;

/* Names, classes, shapes that do not chain, values that are not finite or not above 0. `where` names the head. */
gboolean gh_head_parts_check (const GhHeadParts *parts, const char *where, GError **error);
/* For parts that own their numbers: another layer of zeros, and everything freed. */
GhHeadLayer *gh_head_parts_add_layer (GhHeadParts *parts, int n_in, int n_out);
void gh_head_parts_clear (GhHeadParts *parts);

/* Numbers that the last layer makes: 1; one per class; for time two per harmonic (gh-time-of-day.h),
 * which other kinds pass over. */
int gh_head_outputs (GhHeadKind kind, const char *const *classes, int harmonics);

/* A head in memory, path and id NULL, of parts that gh_head_parts_check() finds sound. `where` names it in errors (a
 * path, or the task). */
GhHead *gh_head_new (const GhHeadParts *parts, const char *where, GError **error);
/* Adds to the training record of a head nobody else holds yet; it goes into the file with gh_head_save(). */
void gh_head_set_record (GhHead *head, const char *key, const char *value);

G_END_DECLS
