/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-trainer.h: trains a masked autoencoder on unlabelled frames (He et al. 2021): most patches of a frame are
 * hidden, the encoder sees the others, the decoder says what was hidden. docs/checkpoint-format.md has the file.
 *
 * Everything about step t is a function of the options' seed, t and the frames in the store: which frames, how they are
 * cropped, flipped and lit, which patches are hidden. So the same seed gives the same checkpoint, byte for byte, on the
 * same machine, for any number of threads; and a run that was stopped and resumed gives what an uninterrupted one does.
 *
 *   gh_mae_train_options_init (&options);
 *   trainer = gh_mae_trainer_new (&config, &options, &error);
 *   store = gh_mae_trainer_new_store (trainer, 2000);       then push frames
 *   while (gh_mae_trainer_steps_done (trainer) < options.steps)
 *     if (!gh_mae_trainer_step (trainer, store, &step, &error))
 *       break;                                   the weights are those before the step; the last checkpoint stands
 *   gh_mae_trainer_save (trainer, "run.safetensors", &error);       now and then, too
 *   gh_mae_trainer_export (trainer, "encoder.safetensors", &how, &error);
 *
 * Several processes may train one model (gh_mae_trainer_join()): each learns from its share of every batch, what they
 * learn is added up before each step, and all have the same weights after it. Processes whose stores hold the same
 * frames do what one process with so many times the batch does, but for the rounding of sums.
 *
 * A trainer belongs to one thread at a time. After the first step nothing is allocated per step. On a GPU a step returns
 * when its loss is known; the weights follow, before anything that looks at them.
 */
#pragma once

#include "gh-encoder.h"
#include "gh-frame-store.h"
#include "gh-world.h"

G_BEGIN_DECLS

typedef struct {
  GhDevice device;
  GhPrecision precision;        /* F32; BF16: products in bfloat16, weights and sums in f32; AUTO: BF16 where the
                                 * machine has instructions for it, else F32 */
  int threads;                  /* 0: the default of gh_ctx_new() */

  guint64 seed;
  int processes;                /* that train together, 1 or more; not in files */
  int batch;                    /* images at a time, of each process, which decides the memory */
  int accumulate;               /* batches whose gradients make one step */
  guint64 steps;                /* planned: where the learning rate ends */
  guint64 warmup;               /* steps of linear rise to the peak */
  double lr;                    /* peak learning rate; 0: 2.4e-3 * sqrt(images of a step / 4096) * 768 / dim */
  double min_lr;                /* where the cosine ends */
  double weight_decay;          /* of matrices and convolutions; never of biases, norms and tokens */
  double beta1, beta2;
  double clip;                  /* largest norm of the gradient; 0: no clipping */

  GhMaeTarget target;           /* what is asked of the decoder; AUTO: the configuration's */
  double mask_ratio;            /* share of the patches hidden; negative: the configuration's */

  /* Augmentation, drawn anew for every image of every step. */
  double crop;                  /* smallest share of the frame's area that a random crop may show, 0.05..1; 1: the whole
                                 * frame always. A crop has the model's proportions give or take a third. */
  gboolean flip;                /* mirror half of the images left to right */
  double light;                 /* 0..1, 0: none: how far brightness, contrast and the gain of each colour may move */
} GhMaeTrainOptions;

/* Device and precision AUTO, seed 1, one process, batch 8, accumulate 1, 10000 steps with 500 of warm-up, lr and min_lr 0,
 * weight decay 0.05, betas 0.9 and 0.95, no clipping, the configuration's target and mask ratio, no
 * augmentation. */
void gh_mae_train_options_init (GhMaeTrainOptions *options);

/* What one step did. */
typedef struct {
  guint64 step;                 /* counted from 1 */
  double loss;                  /* mean over hidden patches and their values; about 1 before anything is learned */
  double lr;
  double grad_norm;             /* before clipping */
  guint64 images;               /* seen since the run began, earlier sessions included */
  double seconds;               /* of this step */
  double images_per_second;     /* of all processes together */
  gboolean ends;                /* one of them wants to end after this step, gh_mae_trainer_set_ending() */
} GhMaeTrainStep;

typedef struct _GhMaeTrainer GhMaeTrainer;

/* Fresh weights from options->seed. The configuration needs a decoder. With its target CAMERA, the first step takes the
 * mean picture of the frames that are in the store by then, and sets the configuration's std to how far they spread
 * around it; both stay. UNSUITABLE names the option that is out of range
 * and what it may be; DEVICE when device, precision or memory cannot be had. */
GhMaeTrainer *gh_mae_trainer_new (const GhMaeConfig *config, const GhMaeTrainOptions *options, GError **error);
/* From the weights of an encoder file with a decoder (or a checkpoint), step 0, no memory of earlier gradients. */
GhMaeTrainer *gh_mae_trainer_new_from_file (const char *path, const GhMaeTrainOptions *options, GError **error);
/* Goes on where a checkpoint was saved. options NULL: those of the file; else they replace them, steps done and
 * the state of the optimizer stay. UNSUITABLE when the file holds no state of training. */
GhMaeTrainer *gh_mae_trainer_resume (const char *path, const GhMaeTrainOptions *options, GError **error);
/* The options a checkpoint was saved with, to change one or the other before resuming. Device and threads are not in
 * the file and stay as gh_mae_train_options_init() sets them. */
gboolean gh_mae_train_options_read (GhMaeTrainOptions *options, const char *path, GError **error);
/* For who asks for some options only: all of them hold what nobody can ask for (AUTO and FALSE where there is no such
 * value), and what still does in the end is filled in with the defaults. */
void gh_mae_train_options_init_unasked (GhMaeTrainOptions *options);
void gh_mae_train_options_complete (GhMaeTrainOptions *options);
/* Whether those that were asked for since gh_mae_train_options_init_unasked() are those of `saved`; steps may differ.
 * UNSUITABLE names one that is not. */
gboolean gh_mae_train_options_agree (const GhMaeTrainOptions *asked, const GhMaeTrainOptions *saved, GError **error);
void gh_mae_trainer_free (GhMaeTrainer *trainer);               /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhMaeTrainer, gh_mae_trainer_free)

/* Before the first step, with options->processes set to world->size: meets the other processes, within
 * world->join_seconds, and takes the state of rank 0: weights, optimizer, steps done. Of a world of one: does nothing.
 * UNSUITABLE when they have other models, options or versions, or the address is none; PEER when not all come. From
 * then on steps need all of them; one that fails in a step ends the others, which get PEER. Freeing does the same.
 * Where machines round differently their weights drift apart: they should be of one kind. */
gboolean gh_mae_trainer_join (GhMaeTrainer *trainer, const GhWorld *world, GError **error);
int gh_mae_trainer_rank (const GhMaeTrainer *trainer);          /* 0 when alone; who writes files */
int gh_mae_trainer_processes (const GhMaeTrainer *trainer);
/* From now on the steps of all processes report that they should end: which is the last, all agree about. */
void gh_mae_trainer_set_ending (GhMaeTrainer *trainer, gboolean ending);
/* Any thread: a step that waits for another process, or the next that would, gives up with PEER. */
void gh_mae_trainer_stop (GhMaeTrainer *trainer);

const GhMaeConfig *gh_mae_trainer_config (const GhMaeTrainer *trainer);
/* Whether it began with this configuration, or could have: all but what training sets in its own, which is the target
 * and, for a camera, the spread. */
gboolean gh_mae_trainer_is_of (const GhMaeTrainer *trainer, const GhMaeConfig *config);
const GhMaeTrainOptions *gh_mae_trainer_options (const GhMaeTrainer *trainer);  /* precision, lr, mask ratio resolved */
guint64 gh_mae_trainer_steps_done (const GhMaeTrainer *trainer);
/* One loss per step done. Owned by the trainer, valid until the next step. */
const float *gh_mae_trainer_losses (const GhMaeTrainer *trainer, guint64 *n);
/* One line for people: device, precision, engine, threads, parameters, memory. */
const char *gh_mae_trainer_reason (const GhMaeTrainer *trainer);
/* What it learns from, in words for people ("200 frames of square"): kept with its state, so that who resumes it can tell
 * other frames. NULL: nobody said. */
void gh_mae_trainer_set_frames (GhMaeTrainer *trainer, const char *words);
const char *gh_mae_trainer_frames (const GhMaeTrainer *trainer);

/* A store for frames of the model's size, with the seed of the options: on the trainer's device where that has memory of
 * its own and they all fit, so that a step brings a kilobyte or two an image instead of its pixels;
 * gh_frame_store_where() says so. The frames of any other store serve as well, and make no other weights. It may outlive
 * the trainer. */
GhFrameStore *gh_mae_trainer_new_store (GhMaeTrainer *trainer, guint capacity);

/* One step on frames drawn from the store, which may be of any size at least the patch; frames of another size than
 * the model's are scaled. May go on beyond options->steps, at min_lr. report may be NULL. DATA when the store is empty,
 * or when loss or gradient is not finite: then nothing was updated, and the message says what may help. PEER when
 * another process is lost: nothing was updated, either. DEVICE when the back end fails. */
gboolean gh_mae_trainer_step (GhMaeTrainer *trainer, GhFrameStore *store, GhMaeTrainStep *report, GError **error);
/* The same on given frames, without augmentation: rgb[batch*accumulate,height,width,3] of the model's size and
 * noise[batch*accumulate,N], which gh_mae_mask() turns into what is hidden. */
gboolean gh_mae_trainer_step_on (GhMaeTrainer *trainer, const guint8 *rgb, const float *noise, GhMaeTrainStep *report,
    GError **error);

/* The checkpoint: weights, optimizer, step, options and losses in one file, written beside and renamed: whatever
 * happens, `path` is the old file or the new one. gh_encoder_load() takes it as an encoder, too. */
gboolean gh_mae_trainer_save (GhMaeTrainer *trainer, const char *path, GError **error);

/* How an encoder file is written, and what its training record says for people. */
typedef struct {
  gboolean bfloat16;            /* matrices in half the space, rounded */
  gboolean without_decoder;     /* enough for mae-encoder */
  const char *data;             /* "plaza-test-src seed=1, 20000 frames"; may be NULL */
  const char *date;             /* "2026-11-26"; the caller's, so that the same run gives the same file; may be NULL */
  GhFrameStore *frames;         /* `embed` is fitted to them where it is not the decoder's (gh-embed-fit.h); may be NULL */
  /* How far that is, which may take minutes, 0 to 1; FALSE ends it with G_IO_ERROR_CANCELLED, and nothing is written. May
   * be NULL. */
  gboolean (*progress) (double part, gpointer data);
  gpointer progress_data;
} GhMaeExport;

/* The encoder file as others load it, without the optimizer: metadata config, trained, seed and the record of the
 * training. how NULL: all of it, in float32. */
gboolean gh_mae_trainer_export (GhMaeTrainer *trainer, const char *path, const GhMaeExport *how, GError **error);

G_END_DECLS
