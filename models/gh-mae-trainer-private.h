/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-trainer-private.h: what the files of the trainer share, and what its tests look into.
 *
 *   gh-mae-train-options.c  ranges, defaults, learning rate, JSON
 *   gh-mae-params.c         weights, gradient and moments; the optimizer
 *   gh-mae-model.c          the parameters as matrices, packed
 *   gh-mae-pass.c           one batch forward and back, over gh-block-train.c and gh-nystrom-bwd.c
 *   gh-view.c               augmentation
 *   gh-mae-camera.c         the mean picture of a camera
 *   gh-mae-trainer.c        steps
 *   gh-mae-trainer-file.c   checkpoints and encoder files
 *   gh-mae-trainer-group.c  several processes
 */
#pragma once

#include "gh-collective.h"
#include "gh-encoder-private.h"
#include "gh-mae-pass.h"
#include "gh-mae-train-options.h"
#include "gh-view.h"

G_BEGIN_DECLS

struct _GhMaeTrainer {
  GhMaeConfig config;
  GhMaeTrainOptions options;    /* resolved */
  GhCtx *ctx;
  char *reason, *shown;         /* shown: what the weights came from, for messages */
  gboolean is_host;             /* the context computes in plain memory */
  GhMaeModel model;
  GhMaePass pass;
  void *memory;                 /* of the pass */

  guint64 steps_done, images;
  gboolean needs_camera;        /* the offset waits for the first frames */
  GArray *losses;               /* float per step */

  /* One batch on its way to the pass; its own memory where that is the host's. */
  guint8 *rgb;                  /* [B,height,width,3] */
  gint32 *keep, *drop;          /* [B,K], [B,N-K] */
  float *noise;                 /* [N] */
  guint8 *frame;                /* of the store */
  gsize frame_bytes;
  GhViewRoom room;

  GhCollective *group;          /* NULL: alone */
  gboolean on_device;           /* devices add up gradients among themselves */
  gboolean wants_end, ends;     /* this process, any of them */
  float *staging;               /* [n_all] on its way between the device and other processes; NULL until needed */
};

/* Opens the context, plans and takes all memory; weights and moments are zero afterwards. options are checked. has:
 * which optional tensors there are. shown: what to call this in messages. */
GhMaeTrainer *gh_mae_trainer_create (const GhMaeConfig *config, const GhMaeTrainOptions *options, const char *shown,
    GhMaeHas has, gpointer data, GError **error);

/* The pieces of a step: gradient and loss to zero; then batch after batch through the pass; then the optimizer. apply()
 * refuses what is not finite, and leaves everything as it was. */
gboolean gh_mae_trainer_begin (GhMaeTrainer *trainer, GError **error);
gboolean gh_mae_trainer_apply (GhMaeTrainer *trainer, GhMaeTrainStep *report, GError **error);

/* Measures the camera on the frames of the store, which has some: offset and std. */
gboolean gh_mae_trainer_see_camera (GhMaeTrainer *trainer, GhFrameStore *store, GError **error);

/* With a group: everybody's loss and gradient together; rank 0's camera for all. */
gboolean gh_mae_trainer_add_up (GhMaeTrainer *trainer, GError **error);
gboolean gh_mae_trainer_share_camera (GhMaeTrainer *trainer, GError **error);

/* status == GH_OK, else the error it stands for. */
gboolean gh_mae_trainer_check (GhMaeTrainer *trainer, GhStatus status, GError **error);

G_END_DECLS
