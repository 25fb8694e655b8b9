/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaetrainerstart.h: from mae-trainer's properties to a trainer that is ready for its next step. */
#pragma once

#include "gstmaetrainersettings.h"
#include "models/gh-file-lock.h"

G_BEGIN_DECLS

/* The checkpoint where there is one, else the model, else new weights; joined by the other processes of the
 * environment, for which it waits. *lock is to be held as long as the checkpoint is written (NULL where it is not). Errors are
 * GST_RESOURCE_ERROR, ready to be posted, or GH_ERROR, to which *property belongs (NULL: none); error must not be NULL. */
GhMaeTrainer *gst_mae_trainer_start (const GstMaeTrainerSettings *settings, GhFileLock **lock, const gchar **property,
    GError **error);

G_END_DECLS
