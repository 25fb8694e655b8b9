/* SPDX-License-Identifier: LGPL-2.1-or-later
 * inspect.h (private): what "gst-heads inspect" finds out about a file, before it is printed one way or the other. */
#pragma once

#include "models/gh-head.h"
#include "models/gh-mae-config.h"
#include "models/gh-safetensors.h"

G_BEGIN_DECLS

typedef enum { GH_FILE_ENCODER, GH_FILE_HF_MAE, GH_FILE_HEAD, GH_FILE_OTHER } GhFileKind;

typedef struct {
  double min, max, mean, std;
  gint64 bad;                   /* NaN and infinities, left out of the others */
} GhTensorStats;

typedef struct {
  GhSafetensors *st;
  const char *path, *id;        /* borrowed from st */
  gint64 bytes;
  GhFileKind kind;
  gboolean has_config, trained; /* encoders */
  GhMaeConfig config;
  GhHead *head;                 /* heads that load, else NULL */
  gint64 numbers, decoder_numbers;
  char *problem;                /* why the file cannot be used although its format is sound; NULL when it can */
  GhTensorStats *stats;         /* [n_tensors], NULL unless asked for */
} GhInspection;

const char *gh_file_kind_name (GhFileKind kind);        /* "encoder", "mae-hf", "head", "other" */

void gh_inspection_print_json (const GhInspection *inspection);

G_END_DECLS
