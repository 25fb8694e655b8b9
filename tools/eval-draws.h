/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * eval-draws.h: methods judged on many draws of labels: each draw learns from n_labels rows of the pool, chosen at
 * random or otherwise, and is measured on the whole test part. Every method sees the same draws.
 */
#pragma once

#include "eval-datasets.h"
#include "eval-select.h"
#include "models/gh-head-train.h"

G_BEGIN_DECLS

enum { GH_EVAL_MAX_METRICS = 4 };

/* What training may choose. */
enum { GH_EVAL_RIDGE, GH_EVAL_KERNEL_RIDGE, GH_EVAL_MLP, GH_EVAL_N_MODELS };

/* Mean over draws and their standard deviation. */
typedef struct {
  double mean, spread;
} GhEvalFigure;

typedef struct {
  int n_metrics;
  GhEvalFigure metric[GH_EVAL_MAX_METRICS];
  GhEvalFigure promised;        /* what training reported as held-out error; NAN for methods that do not */
  guint chosen[GH_EVAL_N_MODELS];       /* in how many draws */
  double seconds;               /* a draw took */
} GhEvalResult;

typedef enum { GH_EVAL_CONSTANT, GH_EVAL_NEAREST, GH_EVAL_HEAD } GhEvalMethod;

/* What heads take from the embeddings of the pool, all of them, without labels (models/gh-head-statistics.h). */
typedef enum { GH_EVAL_NOTHING, GH_EVAL_SCALES, GH_EVAL_WHITENED } GhEvalUnlabelled;
const char *gh_eval_unlabelled_name (GhEvalUnlabelled unlabelled);
gboolean gh_eval_unlabelled_from_name (const char *name, GhEvalUnlabelled *unlabelled);

typedef struct {
  const GhDataset *dataset;
  const GhSamples *samples;
  int n_labels, draws;
  guint64 seed;
  int threads;
  gboolean try_mlp, linear;     /* as in GhHeadTrainOptions */
  GhSelect select;
  const float *embeddings;      /* [samples->n,dim], which select looks at */
  int dim;
  GhEvalUnlabelled unlabelled;
} GhEvalPlan;

/* Names of the metrics of a kind, in the order of GhEvalResult.metric; NULL-terminated. */
const char *const *gh_eval_metric_names (GhHeadKind kind);

/* "kernel ridge" */
const char *gh_eval_model_name (int model);

/* vectors[samples->n,dim]; NULL for CONSTANT. what: the method's name for the progress bar. FALSE and an error when a
 * training fails or is cancelled. */
gboolean gh_eval_draws (const GhEvalPlan *plan, GhEvalMethod method, const float *vectors, int dim, const char *what,
    GhEvalResult *result, GError **error);

G_END_DECLS
