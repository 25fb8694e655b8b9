/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-train-options.h (private): checks on the options of gh-mae-trainer.h, and how a checkpoint records them. */
#pragma once

#include "gh-json.h"
#include "gh-mae-trainer.h"

G_BEGIN_DECLS

/* Every option within its range, and fit for a model of this configuration. */
gboolean gh_mae_train_options_check (const GhMaeTrainOptions *options, const GhMaeConfig *config, GError **error);
/* Puts numbers in the place of "the default": learning rate and mask ratio. */
void gh_mae_train_options_resolve (GhMaeTrainOptions *options, const GhMaeConfig *config);
/* The learning rate of step t, counted from 1: a straight rise, then a cosine. */
double gh_mae_train_options_lr (const GhMaeTrainOptions *options, guint64 t);

/* As a JSON object, without device and threads. */
void gh_mae_train_options_append (GString *out, const GhMaeTrainOptions *options);
void gh_mae_train_options_parse (GhJson *json, GhMaeTrainOptions *options);

G_END_DECLS
