/* SPDX-License-Identifier: LGPL-2.1-or-later
 * train-encoder-options.c: see the header. */
#include "train-encoder-options.h"
#include "tools.h"
#include "gst/common/gstoutputfile.h"

#include <string.h>

void
gh_train_encoder_options_clear (GhTrainEncoderOptions *o)
{
  gh_encoder_options_clear (&o->run);
  gh_frame_options_clear (&o->frames);
  g_free (o->config);
  g_free (o->output);
  g_free (o->checkpoint);
  gh_file_lock_free (o->lock);
  g_free (o->record);
  g_free (o->target);
  g_free (o->csv);
  g_free (o->plot);
  gh_world_clear (&o->world);
}

static void
options_init (GhTrainEncoderOptions *o)
{
  *o = (GhTrainEncoderOptions) { .warmup = GH_UNSAID, .seed = GH_UNSAID, .checkpoint_minutes = 1 };
  gh_frame_options_init (&o->frames);
  gh_mae_train_options_init_unasked (&o->train);
  gh_world_init (&o->world);
}

static int
parse (GhTrainEncoderOptions *o, int *argc, char ***argv)
{
  const GOptionEntry entries[] = {
    GH_FRAME_OPTIONS (&o->frames, "Frames"),
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &o->config,
        "Shape: almacam, almacam-1080p, small, tiny (the default) or a JSON file", "NAME" },
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &o->run.file, "Start from this encoder, which needs its decoder",
        "FILE" },
    { "output", 'o', 0, G_OPTION_ARG_FILENAME, &o->output, "Encoder to write", "FILE" },
    { "steps", 'n', 0, G_OPTION_ARG_INT64, &o->steps, "Steps of training", "N" },
    { "minutes", 0, 0, G_OPTION_ARG_DOUBLE, &o->minutes, "As many steps as this takes, measured at the start", "N" },
    { "batch", 'b', 0, G_OPTION_ARG_INT, &o->train.batch, "Images at a time (8)", "N" },
    { "accumulate", 0, 0, G_OPTION_ARG_INT, &o->train.accumulate, "Batches that make one step (1)", "N" },
    { "lr", 0, 0, G_OPTION_ARG_DOUBLE, &o->train.lr,
        "Largest learning rate (by the batch and the width of the model: 0.0003 for tiny, 0.00008 for almacam)", "X" },
    { "warmup", 0, 0, G_OPTION_ARG_INT64, &o->warmup, "Steps in which it rises (a twentieth, at most 500)", "N" },
    { "weight-decay", 0, 0, G_OPTION_ARG_DOUBLE, &o->train.weight_decay, "Weight decay (0.05)", "X" },
    { "clip", 0, 0, G_OPTION_ARG_DOUBLE, &o->train.clip, "Largest norm of a gradient (0: any)", "X" },
    { "mask-ratio", 0, 0, G_OPTION_ARG_DOUBLE, &o->train.mask_ratio, "Part of the patches that is hidden (the shape's)",
        "X" },
    { "target", 0, 0, G_OPTION_ARG_STRING, &o->target,
        "What is to be predicted: patch (pixels normalised by their patch), pixels, or camera (the difference from the "
          "mean picture, which is all the encoder sees) (the shape's)", "NAME" },
    { "random-crop", 0, 0, G_OPTION_ARG_DOUBLE, &o->train.crop, "Smallest part of a frame a random crop shows (1: all)",
        "X" },
    { "flip", 0, 0, G_OPTION_ARG_NONE, &o->train.flip, "Mirror half of the images", NULL },
    { "light", 0, 0, G_OPTION_ARG_DOUBLE, &o->train.light, "How far light and colours are moved, 0 to 1 (0)", "X" },
    { "seed", 's', 0, G_OPTION_ARG_INT64, &o->seed, "Where the random numbers start (1)", "N" },
    { "device", 0, 0, G_OPTION_ARG_STRING, &o->run.device, "Where it trains: auto, cpu, ref, cuda (auto)", "NAME" },
    { "precision", 0, 0, G_OPTION_ARG_STRING, &o->run.precision, "How it multiplies: auto, f32, bf16 (auto)", "NAME" },
    { "threads", 0, 0, G_OPTION_ARG_INT, &o->run.threads, "Processors to use (0: all)", "N" },
    { "checkpoint", 0, 0, G_OPTION_ARG_FILENAME, &o->checkpoint,
        "Where the state of the training is kept (beside the output, until that is written)", "FILE" },
    { "checkpoint-minutes", 0, 0, G_OPTION_ARG_DOUBLE, &o->checkpoint_minutes, "How often (1)", "N" },
    { "no-checkpoint", 0, 0, G_OPTION_ARG_NONE, &o->no_checkpoint, "Keep no state", NULL },
    { "resume", 'r', 0, G_OPTION_ARG_NONE, &o->resume, "Go on from the checkpoint, with its options", NULL },
    { "bfloat16", 0, 0, G_OPTION_ARG_NONE, &o->bfloat16, "Write the encoder in half the space, rounded", NULL },
    { "no-decoder", 0, 0, G_OPTION_ARG_NONE, &o->no_decoder, "Write the encoder alone, enough for mae-encoder", NULL },
    { "record", 0, 0, G_OPTION_ARG_STRING, &o->record, "What it was trained on, for the file to keep", "TEXT" },
    { "alone", 0, 0, G_OPTION_ARG_NONE, &o->alone, "Train in this process only, whatever the environment says", NULL },
    { "no-plot", 0, 0, G_OPTION_ARG_NONE, &o->no_plot, "Draw no picture of the loss", NULL },
    G_OPTION_ENTRY_NULL
  };

  return gh_tool_parse (argc, argv, entries, "[NAME=VALUE...]",
      "Trains an encoder without labels: most of each frame is hidden, and the model learns to say what was there.\n"
      "Frames come from a folder, a recording or a pipeline; NAME=VALUE are variables of a .pipeline file. Beside the\n"
      "encoder the loss of every step is written, as CSV and as a picture. Ctrl-C keeps what was learned; --resume\n"
      "goes on from there, to the same result. The same frames and options give the same encoder on one machine.\n"
      "Started several times, with RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT as torchrun sets them (or under Open\n"
      "MPI or Slurm), the processes train one encoder together, which rank 0 writes.\n\n"
      "  gst-heads train-encoder --images=frames --steps=2000 --lr=0.001 --output=encoder.safetensors");
}

/* "DIR/encoder.safetensors" and "-loss.csv" -> "DIR/encoder-loss.csv" */
static char *
beside (const char *output, const char *ending)
{
  gsize stem = strlen (output) - (g_str_has_suffix (output, ".safetensors") ? strlen (".safetensors") : 0);

  return g_strdup_printf ("%.*s%s", (int) stem, output, ending);
}

static int
complete_files (GhTrainEncoderOptions *o)
{
  if (!o->output)
    return gh_tool_fail (GH_EXIT_USAGE, "--output is needed (see --help)");
  if (o->config && o->run.file)
    return gh_tool_fail (GH_EXIT_USAGE, "a training starts from a new model (--config) or an existing one (--model)");
  o->own_checkpoint = !o->checkpoint && !o->no_checkpoint;
  if (o->own_checkpoint)
    o->checkpoint = beside (o->output, "-checkpoint.safetensors");
  if (o->checkpoint && gst_output_files_are_same (o->output, o->checkpoint))
    return gh_tool_fail (GH_EXIT_USAGE, "--output and --checkpoint cannot be the same file: give one of them another name");
  if (o->resume && !o->checkpoint)
    return gh_tool_fail (GH_EXIT_USAGE, "--resume needs the checkpoint that --no-checkpoint forbids");
  if (o->checkpoint && !o->resume && g_file_test (o->checkpoint, G_FILE_TEST_EXISTS))
    return gh_tool_fail (GH_EXIT_USAGE, GH_OTHER_CHECKPOINT, o->checkpoint);
  if (o->resume && !g_file_test (o->checkpoint, G_FILE_TEST_EXISTS))
    return gh_tool_fail (GH_EXIT_USAGE, "there is no %s to go on from: leave --resume out to start anew, or name the file "
        "with --checkpoint", o->checkpoint);
  o->csv = beside (o->output, "-loss.csv");
  o->plot = o->no_plot ? NULL : beside (o->output, "-loss.png");
  if (gh_tool_check_output (o->output) >= 0 || (o->checkpoint && gh_tool_check_output (o->checkpoint) >= 0))
    return GH_EXIT_FAILED;
  return -1;
}

/* Numbers that no default stands for. NaN is less than nothing here, too. */
static int
check_numbers (const GhTrainEncoderOptions *o)
{
  if (o->steps < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--steps=%" G_GINT64_FORMAT ": at least 1 is needed", o->steps);
  if (!(o->minutes >= 0))
    return gh_tool_fail (GH_EXIT_USAGE, "--minutes=%g: it takes some time", o->minutes);
  if (!(o->checkpoint_minutes >= 0))
    return gh_tool_fail (GH_EXIT_USAGE, "--checkpoint-minutes=%g: 0 is after every step, more is rarer",
        o->checkpoint_minutes);
  if (o->seed != GH_UNSAID && o->seed < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--seed=%" G_GINT64_FORMAT ": it can be 0 or more", o->seed);
  if (o->warmup != GH_UNSAID && o->warmup < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--warmup=%" G_GINT64_FORMAT ": it can be 0 or more", o->warmup);
  return -1;
}

/* What a checkpoint decides is not asked for beside it: --steps alone may set another end. */
static int
check_resumption (const GhTrainEncoderOptions *o)
{
  if (o->minutes > 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--resume goes on to the end that was planned, or to --steps, not for --minutes");
  if (o->run.file)
    return gh_tool_fail (GH_EXIT_USAGE, "--resume goes on with the weights of the checkpoint, not with those of --model");
  return -1;
}

static int
complete_training (GhTrainEncoderOptions *o)
{
  g_autoptr (GError) error = NULL;

  if (!gh_encoder_options_resolve (&o->run, &o->train.device, &o->train.precision, &error))
    return gh_tool_fail (GH_EXIT_USAGE, "%s", error->message);
  o->train.threads = o->run.threads;
  if (!o->alone && !gh_world_from_environment (&o->world, &error))
    return gh_tool_fail (GH_EXIT_USAGE, "%s; with --alone there are no other processes", error->message);
  o->train.processes = o->world.size;
  if (o->target && !gh_mae_target_from_name (&o->train.target, o->target))
    return gh_tool_fail (GH_EXIT_USAGE, "--target=%s: there are patch, pixels and camera", o->target);
  if (o->seed != GH_UNSAID)
    o->train.seed = o->seed;
  if (o->warmup != GH_UNSAID)
    o->train.warmup = o->warmup;
  if (o->minutes > 0 && o->world.size > 1)
    return gh_tool_fail (GH_EXIT_USAGE, "several processes need the same --steps, which --minutes does not give them");
  if (o->resume)
    return check_resumption (o);
  gh_mae_train_options_complete (&o->train);
  if ((o->steps > 0) == (o->minutes > 0))
    return gh_tool_fail (GH_EXIT_USAGE, "how long shall it train? --steps or --minutes");
  return -1;
}

int
gh_train_encoder_options_parse (GhTrainEncoderOptions *o, int argc, char **argv)
{
  int status;

  options_init (o);
  status = parse (o, &argc, &argv);
  if (status < 0)
    status = check_numbers (o);
  if (status < 0)
    status = gh_frame_options_complete (&o->frames, argv + 1, &o->from_where);
  if (status < 0)
    status = complete_files (o);
  return status < 0 ? complete_training (o) : status;
}
