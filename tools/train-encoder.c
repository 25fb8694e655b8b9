/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * train-encoder.c: gst-heads train-encoder: unlabelled frames -> an encoder that knows their camera, and the curve of
 * its loss. What mae-trainer does inside a pipeline, with a bar and a report.
 */
#include "tools.h"
#include "encoder-options.h"
#include "frame-source.h"
#include "training-report.h"
#include "gst/common/gstoutputfile.h"
#include "models/gh-file-lock.h"
#include "models/gh-mae-trainer.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Unless warm-up is set it takes one of so many steps, and no more than the trainer's own default. */
#define WARMUP_PART 20
/* Steps that measure the speed for --minutes; the first warms up. */
#define TRIAL_STEPS 4
/* What --seed and --warmup are while nobody has said. */
#define UNSAID G_MININT64

#define OTHER_CHECKPOINT "%s is the checkpoint of another training: --resume goes on with it; remove it to start anew"

typedef struct {
  GhEncoderOptions run;         /* its encoder is --model */
  char *images, *from, *to, *video, *source, *crop_text, *config, *output, *checkpoint, *record, *target;
  gboolean resume, no_checkpoint, no_plot, bfloat16, no_decoder, alone;
  gint64 steps, warmup, seed;
  double minutes, checkpoint_minutes;
  int frames;
  GhMaeTrainOptions train;
  /* From the above. */
  GhFrameSource from_where;
  char *csv, *plot;
  GhWorld world;
  gboolean own_checkpoint;      /* its name was not given: it goes once the encoder is written */
  GhFileLock *lock;             /* of the checkpoint */
} Options;

static void
options_clear (Options *o)
{
  gh_encoder_options_clear (&o->run);
  g_free (o->images);
  g_free (o->from);
  g_free (o->to);
  g_free (o->video);
  g_free (o->source);
  g_free (o->crop_text);
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
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

/* ---- options --------------------------------------------------------------------------------------------- */

static void
options_init (Options *o)
{
  *o = (Options) { .warmup = UNSAID, .seed = UNSAID, .checkpoint_minutes = 1, .frames = 2000 };
  gh_mae_train_options_init_unasked (&o->train);
  gh_world_init (&o->world);
}

static int
parse (Options *o, int *argc, char ***argv)
{
  const GOptionEntry entries[] = {
    { "images", 'i', 0, G_OPTION_ARG_FILENAME, &o->images,
        "Frames: a folder of images, or of folders of them, such as a dataset", "DIR" },
    { "from", 0, 0, G_OPTION_ARG_FILENAME, &o->from, "First image of the folder, by name", "NAME" },
    { "to", 0, 0, G_OPTION_ARG_FILENAME, &o->to, "Last image of the folder, by name", "NAME" },
    { "video", 'v', 0, G_OPTION_ARG_FILENAME, &o->video, "Frames: a recording", "FILE|URI" },
    { "source", 0, 0, G_OPTION_ARG_STRING, &o->source,
        "Frames: pipeline text that yields raw video, or a .pipeline file of such text", "TEXT" },
    { "crop", 0, 0, G_OPTION_ARG_STRING, &o->crop_text, "Part of the frames to look at, in pixels", "X,Y,W,H" },
    { "frames", 0, 0, G_OPTION_ARG_INT, &o->frames,
        "Frames to keep in memory (2000); of more, half are the last ones and half a sample. From a live source, which "
          "may never end, so many are taken", "N" },
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
complete_source (Options *o, char *const *values)
{
  g_autoptr (GError) error = NULL;
  int n = !!o->images + !!o->video + !!o->source;

  if (n != 1)
    return gh_tool_fail (GH_EXIT_USAGE, n ? "only one of --images, --video and --source says where frames come from"
        : "where do the frames come from? --images, --video or --source (see --help)");
  if ((o->from || o->to) && !o->images)
    return gh_tool_fail (GH_EXIT_USAGE, "--from and --to choose images of a folder, --images");
  for (char *const *value = values; *value; value++)
    if (!strchr (*value, '=') || !o->source || !g_str_has_suffix (o->source, ".pipeline"))
      return gh_tool_fail (GH_EXIT_USAGE, "\"%s\" is neither an option nor NAME=VALUE for a .pipeline file", *value);
  o->from_where = (GhFrameSource) { o->images, o->video, o->source, o->from, o->to, values };
  if (o->crop_text && !gh_crop_parse (&o->from_where.crop, o->crop_text, &error))
    return gh_tool_fail (GH_EXIT_USAGE, "--crop: %s", error->message);
  if (o->frames < 2)
    return gh_tool_fail (GH_EXIT_USAGE, "--frames=%d: at least 2 are needed", o->frames);
  return -1;
}

static int
complete_files (Options *o)
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
    return gh_tool_fail (GH_EXIT_USAGE, OTHER_CHECKPOINT, o->checkpoint);
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
check_numbers (const Options *o)
{
  if (o->steps < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--steps=%" G_GINT64_FORMAT ": at least 1 is needed", o->steps);
  if (!(o->minutes >= 0))
    return gh_tool_fail (GH_EXIT_USAGE, "--minutes=%g: it takes some time", o->minutes);
  if (!(o->checkpoint_minutes >= 0))
    return gh_tool_fail (GH_EXIT_USAGE, "--checkpoint-minutes=%g: 0 is after every step, more is rarer",
        o->checkpoint_minutes);
  if (o->seed != UNSAID && o->seed < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--seed=%" G_GINT64_FORMAT ": it can be 0 or more", o->seed);
  if (o->warmup != UNSAID && o->warmup < 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--warmup=%" G_GINT64_FORMAT ": it can be 0 or more", o->warmup);
  return -1;
}

/* What a checkpoint decides is not asked for beside it: --steps alone may set another end. */
static int
check_resumption (const Options *o)
{
  if (o->minutes > 0)
    return gh_tool_fail (GH_EXIT_USAGE, "--resume goes on to the end that was planned, or to --steps, not for --minutes");
  if (o->run.file)
    return gh_tool_fail (GH_EXIT_USAGE, "--resume goes on with the weights of the checkpoint, not with those of --model");
  return -1;
}

static int
complete_training (Options *o)
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
  if (o->seed != UNSAID)
    o->train.seed = o->seed;
  if (o->warmup != UNSAID)
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

/* ---- training -------------------------------------------------------------------------------------------- */

static void
set_steps (Options *o, guint64 steps)
{
  GhMaeTrainOptions defaults;

  gh_mae_train_options_init (&defaults);
  o->train.steps = steps;
  o->train.warmup = o->warmup != UNSAID ? (guint64) o->warmup : MIN (defaults.warmup, steps / WARMUP_PART);
}

/* Until it is known how many steps fit into the time. */
static void
set_trial (Options *o)
{
  o->train.steps = TRIAL_STEPS;
  o->train.warmup = 0;
}

/* Who asks for a shape gets it, or hears that the checkpoint has another one. */
static gboolean
has_shape (const Options *o, const GhMaeTrainer *trainer, GError **error)
{
  GhMaeConfig config;

  if (!o->config)
    return TRUE;
  if (!gh_mae_config_load (&config, o->config, error))
    return FALSE;
  if (gh_mae_trainer_is_of (trainer, &config))
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s is of another model than --config=%s: leave that out to go on "
      "with it, or start anew", o->checkpoint, o->config);
  return FALSE;
}

/* What the checkpoint was saved with, but for where it runs. */
static GhMaeTrainer *
resume (Options *o, GError **error)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  GhMaeTrainOptions options;

  if (!gh_mae_train_options_read (&options, o->checkpoint, error)
      || !gh_mae_train_options_agree (&o->train, &options, error))
    return NULL;
  options.device = o->train.device;
  options.threads = o->train.threads;
  options.processes = o->train.processes;
  if (o->steps > 0)
    options.steps = o->steps;
  trainer = gh_mae_trainer_resume (o->checkpoint, &options, error);
  if (!trainer || !has_shape (o, trainer, error))
    return NULL;
  if (gh_mae_trainer_steps_done (trainer) <= options.steps)
    return g_steal_pointer (&trainer);
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s has taken %" G_GUINT64_FORMAT " steps already, more than "
      "--steps=%" G_GINT64_FORMAT, o->checkpoint, gh_mae_trainer_steps_done (trainer), o->steps);
  return NULL;
}

static GhMaeTrainer *
start (Options *o, GError **error)
{
  GhMaeConfig config;

  if (o->resume)
    return resume (o, error);
  if (o->run.file) {
    g_autofree char *model = gh_model_find (o->run.file);

    return gh_mae_trainer_new_from_file (model ? model : o->run.file, &o->train, error);
  }
  if (!gh_mae_config_load (&config, o->config ? o->config : "tiny", error))
    return NULL;
  return gh_mae_trainer_new (&config, &o->train, error);
}

/* Replaces a trainer that was made to measure by one with as many steps as fit into the time. */
static gboolean
plan_minutes (Options *o, GhMaeTrainer **trainer, GhFrameStore *store, GError **error)
{
  double seconds = 0;

  for (int i = 0; i < TRIAL_STEPS; i++) {
    GhMaeTrainStep step;

    if (!gh_mae_trainer_step (*trainer, store, &step, error))
      return FALSE;
    seconds += i > 0 ? step.seconds : 0;
  }
  /* More than there can be stays that, to be refused by name. */
  set_steps (o, (guint64) CLAMP (o->minutes * 60 / (seconds / (TRIAL_STEPS - 1)), 1, 1e18));
  g_printerr ("%g minutes are about %" G_GUINT64_FORMAT " steps; --steps=%" G_GUINT64_FORMAT " instead of --minutes "
      "gives this encoder again\n", o->minutes, o->train.steps, o->train.steps);
  gh_mae_trainer_free (g_steal_pointer (trainer));
  return (*trainer = start (o, error)) != NULL;
}

/* Only rank 0 writes. */
static gboolean
keeps_checkpoint (const Options *o)
{
  return o->checkpoint && o->world.rank == 0;
}

/* Two trainings with one checkpoint would go on from each other's. The other one may have ended since the options were
 * looked at. */
static gboolean
lock_checkpoint (Options *o, GError **error)
{
  if (!keeps_checkpoint (o))
    return TRUE;
  if (!(o->lock = gh_file_lock_new (o->checkpoint, error)))
    return FALSE;
  if (o->resume || !g_file_test (o->checkpoint, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_WRITE, OTHER_CHECKPOINT, o->checkpoint);
  return FALSE;
}

/* The state is in the checkpoint. */
static gboolean
tell_cut (const Options *o, const GhMaeTrainer *trainer, GError **error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped after step %" G_GUINT64_FORMAT " of %"
      G_GUINT64_FORMAT "; the state is in %s. To go on, give the same command with --resume",
      gh_mae_trainer_steps_done (trainer), gh_mae_trainer_options (trainer)->steps, o->checkpoint);
  return FALSE;
}

static gboolean
cut (const Options *o, GhMaeTrainer *trainer, GError **error)
{
  const guint64 done = gh_mae_trainer_steps_done (trainer);

  if (o->world.rank > 0) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped after step %" G_GUINT64_FORMAT "; rank 0 keeps the "
        "state", done);
  } else if (!o->checkpoint) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped after step %" G_GUINT64_FORMAT "; nothing was "
        "written", done);
  } else if (gh_mae_trainer_save (trainer, o->checkpoint, error)) {
    return tell_cut (o, trainer, error);
  }
  return FALSE;
}

static void
show (GhToolProgress *progress, const GhMaeTrainer *trainer, const GhMaeTrainStep *step)
{
  g_snprintf (progress->note, sizeof progress->note, "step %" G_GUINT64_FORMAT "  loss %.4f  %.1f images/s", step->step,
      gh_recent_loss (trainer), step->images_per_second);
}

/* A step failed. What another process broke off can be gone on with; if this one was interrupted, too, that is why. */
static gboolean
end_early (const Options *o, GhMaeTrainer *trainer, gboolean interrupted, GError *problem, GError **error)
{
  g_autoptr (GError) why = problem;

  if (!g_error_matches (problem, GH_ERROR, GH_ERROR_PEER)) {
    g_propagate_error (error, g_steal_pointer (&why));
    if (keeps_checkpoint (o) && g_file_test (o->checkpoint, G_FILE_TEST_EXISTS))
      g_prefix_error (error, "the last good state is kept in %s. ", o->checkpoint);
    return FALSE;
  }
  if (interrupted)
    return cut (o, trainer, error);
  if (keeps_checkpoint (o) && !gh_mae_trainer_save (trainer, o->checkpoint, error))
    return FALSE;
  g_set_error (error, GH_ERROR, GH_ERROR_PEER, "%s. After step %" G_GUINT64_FORMAT "%s%s; start all processes again%s",
      problem->message, gh_mae_trainer_steps_done (trainer), keeps_checkpoint (o) ? "; the state is in " : "",
      keeps_checkpoint (o) ? o->checkpoint : "", o->checkpoint ? " with --resume to go on" : "");
  return FALSE;
}

/* In the middle a checkpoint that cannot be written is no reason to stop: the next one may be. */
static void
save_on_the_way (const Options *o, GhMaeTrainer *trainer, const GhToolProgress *progress)
{
  g_autoptr (GError) error = NULL;

  if (!gh_mae_trainer_save (trainer, o->checkpoint, &error))
    g_printerr ("%s%s. The training goes on; the checkpoint before is kept.\n", progress->drawn ? "\n" : "",
        error->message);
}

/* All steps. FALSE with G_IO_ERROR_CANCELLED after Ctrl-C. */
static gboolean
train (const Options *o, GhMaeTrainer *trainer, GhFrameStore *store, GError **error)
{
  const guint64 steps = gh_mae_trainer_options (trainer)->steps;
  GhToolProgress progress = { .parts = 20 };
  gint64 saved = g_get_monotonic_time ();
  gboolean good = TRUE;

  while (good && gh_mae_trainer_steps_done (trainer) < steps) {
    const double part = (double) gh_mae_trainer_steps_done (trainer) / steps;
    GError *problem = NULL;
    GhMaeTrainStep step;

    if (!gh_tool_progress (part, "training", &progress)) {
      good = cut (o, trainer, error);
    } else if (!gh_mae_trainer_step (trainer, store, &step, &problem)) {
      good = end_early (o, trainer, !gh_tool_progress (part, "training", &progress), problem, error);
    } else {
      show (&progress, trainer, &step);
      if (keeps_checkpoint (o) && g_get_monotonic_time () - saved >= o->checkpoint_minutes * 60 * G_USEC_PER_SEC) {
        save_on_the_way (o, trainer, &progress);
        saved = g_get_monotonic_time ();
      }
    }
  }
  if (good)
    gh_tool_progress (1, "training", &progress);
  gh_tool_progress_end (&progress);
  return good;
}

/* ---- what is written ------------------------------------------------------------------------------------- */

static void
print_report (const Options *o, const GhMaeTrainer *trainer, const GhFrameStore *store, const char *about,
    double seconds)
{
  const GhMaeTrainOptions *t = gh_mae_trainer_options (trainer);
  const int images = t->batch * t->accumulate * t->processes;
  const guint64 done = gh_mae_trainer_steps_done (trainer);
  guint64 n;
  const float *losses = gh_mae_trainer_losses (trainer, &n);

  printf ("encoder     %s\n", o->output);
  printf ("learned     from %s\n", about);
  printf ("steps       %" G_GUINT64_FORMAT " of %d images, %.0f s\n", done, images, seconds);
  printf ("loss        %.4f over the last %" G_GUINT64_FORMAT " steps, %.4f at the first\n", gh_recent_loss (trainer),
      MIN (n, GH_RECENT_LOSSES), n ? losses[0] : 0);
  printf ("by          %s\n", gh_mae_trainer_reason (trainer));
  if (gh_frame_store_where (store))
    printf ("frames      %s\n", gh_frame_store_where (store));
  printf ("written     %s, %s%s%s\n", o->output, o->csv, o->plot ? ", " : "", o->plot ? o->plot : "");
  fflush (stdout);
}

/* The fit of the embedding can be stopped where the state is kept. */
typedef struct {
  GhToolProgress bar;
  gboolean saved, told;
} Fit;

static gboolean
show_fit (double part, gpointer data)
{
  Fit *fit = data;

  if (gh_tool_progress (part, "fitting the embedding", &fit->bar))
    return TRUE;
  if (!fit->saved && !fit->told)
    g_printerr ("%sthere is no checkpoint, so the encoder is written first; another Ctrl-C ends without it\n",
        fit->bar.drawn ? "\n" : "");
  fit->told = TRUE;
  return !fit->saved;
}

static gboolean
write_encoder (const Options *o, GhMaeTrainer *trainer, GhFrameStore *store, const char *about, gboolean saved,
    GError **error)
{
  Fit fit = { .saved = saved };
  GhMaeExport how = { o->bfloat16, o->no_decoder, o->record ? o->record : about, NULL, store, show_fit, &fit };
  g_autoptr (GError) problem = NULL;
  const gboolean good = gh_mae_trainer_export (trainer, o->output, &how, &problem);

  gh_tool_progress_end (&fit.bar);
  if (g_error_matches (problem, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return tell_cut (o, trainer, error);
  if (problem)
    g_propagate_error (error, g_steal_pointer (&problem));
  return good;
}

/* The state is kept until the encoder is there: to write it can take minutes. A state that cannot be written costs no
 * encoder; that it is missing matters to who asked for one. */
static gboolean
write_results (const Options *o, GhMaeTrainer *trainer, GhFrameStore *store, const char *about, GError **error)
{
  g_autoptr (GError) unsaved = NULL;
  const gboolean saved = o->checkpoint && gh_mae_trainer_save (trainer, o->checkpoint, &unsaved);

  if (!write_encoder (o, trainer, store, about, saved, error) || !gh_loss_csv_write (trainer, o->csv, error)
      || (o->plot && !gh_loss_picture_write (trainer, about, o->plot, error))) {
    if (unsaved)
      g_prefix_error (error, "%s. ", unsaved->message);
    return FALSE;
  }
  if (o->own_checkpoint) {
    g_unlink (o->checkpoint);
  } else if (unsaved) {
    g_propagate_prefixed_error (error, g_steal_pointer (&unsaved), "%s is written, but not its checkpoint: ", o->output);
    return FALSE;
  }
  return TRUE;
}

static gboolean
run (Options *o, GError **error)
{
  g_autoptr (GhMaeTrainer) trainer = NULL;
  g_autoptr (GhFrameStore) store = NULL;
  g_autofree char *about = NULL;
  gint64 began;

  if (!o->resume && o->steps > 0)
    set_steps (o, o->steps);
  else if (!o->resume)
    set_trial (o);
  if (!lock_checkpoint (o, error) || !(trainer = start (o, error)) || !gh_mae_trainer_join (trainer, &o->world, error))
    return FALSE;
  store = gh_mae_trainer_new_store (trainer, o->frames);
  if (!gh_frame_source_fill (&o->from_where, store, error)
      || (o->minutes > 0 && !o->resume && !plan_minutes (o, &trainer, store, error)))
    return FALSE;
  about = gh_frame_source_describe (&o->from_where, gh_frame_store_pushed (store));
  began = g_get_monotonic_time ();
  if (!train (o, trainer, store, error))
    return FALSE;
  if (o->world.rank > 0)
    return TRUE;
  if (!write_results (o, trainer, store, about, error))
    return FALSE;
  print_report (o, trainer, store, about, (g_get_monotonic_time () - began) / (double) G_USEC_PER_SEC);
  return TRUE;
}

int
gh_tool_train_encoder (int argc, char **argv)
{
  g_auto (Options) options;
  g_autoptr (GError) error = NULL;
  int status;

  options_init (&options);
  status = parse (&options, &argc, &argv);
  if (status < 0)
    status = check_numbers (&options);
  if (status < 0)
    status = complete_source (&options, argv + 1);
  if (status < 0)
    status = complete_files (&options);
  if (status < 0)
    status = complete_training (&options);
  if (status >= 0)
    return status;
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  if (run (&options, &error))
    return GH_EXIT_OK;
  return gh_tool_fail (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? GH_EXIT_INTERRUPTED : GH_EXIT_FAILED,
      "%s", error->message);
}
