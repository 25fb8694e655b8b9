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
 *   gh-mae-trainer-batch.c  what a batch is made of, and its way to the pass
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

/* From the host's memory to the context's, turn by turn: by two lanes where that is a device's, else it is the same. */
typedef struct {
  GhLanes *lanes;               /* NULL: the same */
  void *memory;
  gsize bytes;
} GhMaeWay;

/* A batch on its way to the pass. */
typedef struct {
  GhMaeWay plan;                /* views[B], keep[B,K], drop[B,N-K] */
  GhView *views;                /* where to write them, in the host's memory; NULL: the next turn is not open */
  gint32 *keep, *drop;
  guint64 image;                /* what was drawn into the turn that is open: from this image on, for */
  int frame_height, frame_width;        /* frames of this size; height 0: nothing */
  guint *frames;                /* [B] which of the store's */
  float *noise;                 /* [N] */

  GhMaeWay pixels;              /* of frames that the host has, `part` of them at a time */
  int part;
} GhMaeBatch;

struct _GhMaeTrainer {
  GhMaeConfig config;
  GhMaeTrainOptions options;    /* resolved */
  GhCtx *ctx;
  char *reason, *shown;         /* shown: what the weights came from, for messages */
  char *frames;                 /* what it learns from, in words; NULL: nobody said */
  gboolean is_host;             /* the context computes in plain memory */
  GhMaeModel model;
  GhMaePass pass;
  void *memory;                 /* of the pass */

  guint64 steps_done, images;
  gboolean needs_camera;        /* the offset waits for the first frames */
  GArray *losses;               /* float per step */

  GhMaeBatch batch;

  GhCollective *group;          /* NULL: alone */
  gboolean on_device;           /* devices add up gradients among themselves */
  gboolean wants_end, ends;     /* this process, any of them */
  float *staging;               /* [n_all] on its way between the device and other processes; NULL until needed */
};

/* Opens the context, plans and takes all memory; weights and moments are zero afterwards. options are checked. has:
 * which optional tensors there are. shown: what to call this in messages. */
GhMaeTrainer *gh_mae_trainer_create (const GhMaeConfig *config, const GhMaeTrainOptions *options, const char *shown,
    GhMaeHas has, gpointer data, GError **error);

/* Memory for the ways of batches. */
GhStatus gh_mae_trainer_batch_init (GhMaeTrainer *trainer);
void gh_mae_trainer_batch_clear (GhMaeTrainer *trainer);

/* A batch: open, which may be before the one before has ended; then views (with which of the store's `frames` they are
 * of), keep and drop are written; then they, or they and the pixels, are brought to the pass; it ends when all that reads
 * them has been called. Opening what is open forgets what was drawn. */
GhStatus gh_mae_trainer_batch_open (GhMaeTrainer *trainer);
GhStatus gh_mae_trainer_batch_bring (GhMaeTrainer *trainer);
gboolean gh_mae_trainer_batch_bring_frames (GhMaeTrainer *trainer, GhFrameStore *store, GError **error);
GhStatus gh_mae_trainer_batch_end (GhMaeTrainer *trainer);

/* Number i of an open batch: what is hidden of it. noise[N]. */
void gh_mae_trainer_batch_mask (GhMaeTrainer *trainer, int i, const float *noise);
/* Opens a batch of the images from `image` on that are this process's, and draws what does not depend on the frames that
 * the store has: ahead of time, while a device is busy. */
GhStatus gh_mae_trainer_batch_draw (GhMaeTrainer *trainer, GhFrameStore *store, guint64 image);
/* Brings it, drawn now where it was not, with frames out of the first `count` of the store. */
gboolean gh_mae_trainer_batch_take (GhMaeTrainer *trainer, GhFrameStore *store, guint count, guint64 image,
    GError **error);

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
