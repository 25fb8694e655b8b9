/* SPDX-License-Identifier: LGPL-2.1-or-later
 * train-encoder-options.h: the options of gst-heads train-encoder, checked and with what follows from them. */
#pragma once

#include "encoder-options.h"
#include "frame-options.h"
#include "models/gh-file-lock.h"
#include "models/gh-mae-trainer.h"

G_BEGIN_DECLS

/* What --seed and --warmup are while nobody has said. */
#define GH_UNSAID G_MININT64

#define GH_OTHER_CHECKPOINT "%s is the checkpoint of another training: --resume goes on with it; remove it to start anew"

typedef struct {
  GhEncoderOptions run;         /* its encoder is --model */
  GhFrameOptions frames;
  char *config, *output, *checkpoint, *record, *target;
  gboolean resume, no_checkpoint, no_plot, bfloat16, no_decoder, alone;
  gint64 steps, warmup, seed;
  double minutes, checkpoint_minutes;
  GhMaeTrainOptions train;
  /* From the above. */
  GhFrameSource from_where;
  char *csv, *plot;
  GhWorld world;
  gboolean own_checkpoint;      /* its name was not given: it goes once the encoder is written */
  GhFileLock *lock;             /* of the checkpoint */
} GhTrainEncoderOptions;

/* Before anything else, also where it fails. -1, or the status to return with, whose words are out. */
int gh_train_encoder_options_parse (GhTrainEncoderOptions *o, int argc, char **argv);
void gh_train_encoder_options_clear (GhTrainEncoderOptions *o);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GhTrainEncoderOptions, gh_train_encoder_options_clear)

G_END_DECLS
