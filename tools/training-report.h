/* SPDX-License-Identifier: LGPL-2.1-or-later
 * training-report.h: what is left of a training beside the encoder: its loss curve as CSV and as a picture. */
#pragma once

#include "models/gh-mae-trainer.h"

G_BEGIN_DECLS

/* Losses that a mean for people is taken of. */
#define GH_RECENT_LOSSES 100

/* The mean of the last steps; 0 before the first. */
double gh_recent_loss (const GhMaeTrainer *trainer);

/* step,loss for every step since the training began. GH_ERROR_WRITE. */
gboolean gh_loss_csv_write (const GhMaeTrainer *trainer, const char *path, GError **error);
/* about: what it was trained on. */
gboolean gh_loss_picture_write (const GhMaeTrainer *trainer, const char *about, const char *path, GError **error);

G_END_DECLS
