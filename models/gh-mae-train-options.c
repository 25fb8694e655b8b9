/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-mae-train-options.c: see gh-mae-train-options.h. Every option is described once, in a table, with its range. */
#include "gh-mae-train-options.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

typedef enum { INT, COUNT, NUMBER, FLAG, PRECISION, TARGET } OptionType;

static const struct Option {
  const char *name;
  OptionType type;
  gsize offset;
  double low, high;
} options_table[] = {
#define OPTION(name, type, low, high) {#name, type, offsetof (GhMaeTrainOptions, name), low, high}
  OPTION (precision, PRECISION, GH_PRECISION_AUTO, GH_PRECISION_BF16),
  OPTION (seed, COUNT, 0, INFINITY),
  OPTION (batch, INT, 1, 4096),
  OPTION (accumulate, INT, 1, 65536),
  OPTION (steps, COUNT, 1, G_MAXINT32),
  OPTION (warmup, COUNT, 0, G_MAXINT32),
  OPTION (lr, NUMBER, 0, 10),
  OPTION (min_lr, NUMBER, 0, 10),
  OPTION (weight_decay, NUMBER, 0, 10),
  OPTION (beta1, NUMBER, 0, 0.99999),
  OPTION (beta2, NUMBER, 0, 0.999999),
  OPTION (clip, NUMBER, 0, 1e9),
  OPTION (mask_ratio, NUMBER, -1, 0.99),
  OPTION (target, TARGET, GH_MAE_TARGET_AUTO, GH_MAE_TARGET_CAMERA),
  OPTION (crop, NUMBER, 0.05, 1),
  OPTION (flip, FLAG, 0, 1),
  OPTION (light, NUMBER, 0, 1),
#undef OPTION
};

static const char *const precisions[] = { [GH_PRECISION_AUTO] = "auto", [GH_PRECISION_F32] = "f32",
  [GH_PRECISION_BF16] = "bf16" };

void
gh_mae_train_options_init (GhMaeTrainOptions *options)
{
  *options = (GhMaeTrainOptions) {
    .device = GH_DEVICE_AUTO, .precision = GH_PRECISION_AUTO, .seed = 1, .processes = 1, .batch = 8,
    .accumulate = 1, .steps = 10000, .warmup = 500, .weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.95, .mask_ratio = -1,
    .target = GH_MAE_TARGET_AUTO, .crop = 1,
  };
}

static double
get (const GhMaeTrainOptions *options, const struct Option *option)
{
  const void *p = (const char *) options + option->offset;

  switch (option->type) {
    case COUNT:
      return *(const guint64 *) p;
    case NUMBER:
      return *(const double *) p;
    case PRECISION:
      return *(const GhPrecision *) p;
    case TARGET:
      return *(const GhMaeTarget *) p;
    default:
      return *(const int *) p;
  }
}

/* What no option can be; those without such a value have their default. */
static void
unask (GhMaeTrainOptions *options, const struct Option *option)
{
  void *p = (char *) options + option->offset;

  if (option->type == INT)
    *(int *) p = G_MININT;
  else if (option->type == COUNT)
    *(guint64 *) p = G_MAXUINT64;
  else if (option->type == NUMBER)
    *(double *) p = -G_MAXDOUBLE;
}

static gsize
size_of (const struct Option *option)
{
  return option->type == COUNT ? sizeof (guint64) : option->type == NUMBER ? sizeof (double) : sizeof (int);
}

static gboolean
is_unasked (const GhMaeTrainOptions *options, const struct Option *option)
{
  GhMaeTrainOptions unasked;

  gh_mae_train_options_init_unasked (&unasked);
  return get (options, option) == get (&unasked, option);
}

void
gh_mae_train_options_init_unasked (GhMaeTrainOptions *options)
{
  gh_mae_train_options_init (options);
  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++)
    unask (options, &options_table[i]);
}

void
gh_mae_train_options_complete (GhMaeTrainOptions *options)
{
  GhMaeTrainOptions defaults;

  gh_mae_train_options_init (&defaults);
  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++) {
    const struct Option *option = &options_table[i];

    if (is_unasked (options, option))
      memcpy ((char *) options + option->offset, (char *) &defaults + option->offset, size_of (option));
  }
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static gboolean G_GNUC_PRINTF (2, 3)
unsuitable (GError **error, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "training: %s", text);
  return FALSE;
}

static int
kept (const GhMaeTrainOptions *options, const GhMaeConfig *config)
{
  return gh_mae_config_kept (config, options->mask_ratio < 0 ? config->mask_ratio : options->mask_ratio);
}

gboolean
gh_mae_train_options_check (const GhMaeTrainOptions *options, const GhMaeConfig *config, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++) {
    const struct Option *option = &options_table[i];
    double value = get (options, option);

    if (option->type == PRECISION && (value < option->low || value > option->high))
      return unsuitable (error, "precision can be auto, f32 or bf16");
    if (!(value >= option->low && value <= option->high))
      return unsuitable (error, "%s is %g; it can be %g to %g", option->name, value, option->low, option->high);
  }
  if (options->mask_ratio < 0 && options->mask_ratio != -1)
    return unsuitable (error, "mask_ratio is %g; it can be 0 to 0.99, or -1 for the model's", options->mask_ratio);
  if (options->processes < 1)
    return unsuitable (error, "processes is %d; it can be 1 or more", options->processes);
  if (options->warmup >= options->steps)
    return unsuitable (error, "warmup takes %" G_GUINT64_FORMAT " steps of %" G_GUINT64_FORMAT ": give it fewer",
        options->warmup, options->steps);
  if (options->lr > 0 && options->min_lr > options->lr)
    return unsuitable (error, "min_lr is %g, above lr, which is %g", options->min_lr, options->lr);
  if (config->dec_depth == 0)
    return unsuitable (error, "the model has no decoder (dec_depth 0), and nothing can be learned without");
  if ((options->target == GH_MAE_TARGET_AUTO ? config->target : options->target) == GH_MAE_TARGET_CAMERA
      && (options->crop < 1 || options->flip))
    return unsuitable (error, "target camera takes the camera's picture away place by place: it goes with neither random "
        "crops nor flips (crop must be 1)");
  if (kept (options, config) == gh_mae_config_tokens (config))
    return unsuitable (error, "mask_ratio %g hides none of the %d patches: raise it", options->mask_ratio < 0
        ? config->mask_ratio : options->mask_ratio, gh_mae_config_tokens (config));
  return TRUE;
}

/* "As the model and the batch want it", which the file has the number for. */
static gboolean
is_left_open (const GhMaeTrainOptions *asked, const struct Option *option)
{
  return (option->offset == offsetof (GhMaeTrainOptions, lr) && asked->lr == 0)
      || (option->offset == offsetof (GhMaeTrainOptions, mask_ratio) && asked->mask_ratio == -1);
}

gboolean
gh_mae_train_options_agree (const GhMaeTrainOptions *asked, const GhMaeTrainOptions *saved, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++) {
    const struct Option *option = &options_table[i];

    if (option->offset != offsetof (GhMaeTrainOptions, steps) && !is_unasked (asked, option) && !is_left_open (asked, option)
        && get (asked, option) != get (saved, option))
      return unsuitable (error, "a checkpoint with another %s than was asked for: leave that option out to go on with "
          "the checkpoint's, or start anew", option->name);
  }
  return TRUE;
}

/* The rate that He et al. 2022 train ViT-B with, 2.4e-3 for 4096 images a step, carried over: by the square root of the
 * batch, as Adam wants it (Malladi et al. 2022), and against the width (Yang et al. 2022). */
static double
default_lr (const GhMaeTrainOptions *options, const GhMaeConfig *config)
{
  return 2.4e-3 * sqrt ((double) options->processes * options->batch * options->accumulate / 4096) * 768 / config->dim;
}

void
gh_mae_train_options_resolve (GhMaeTrainOptions *options, const GhMaeConfig *config)
{
  if (options->mask_ratio < 0)
    options->mask_ratio = config->mask_ratio;
  if (options->target == GH_MAE_TARGET_AUTO)
    options->target = config->target;
  if (options->lr == 0)
    options->lr = MAX (options->min_lr, default_lr (options, config));
}

double
gh_mae_train_options_lr (const GhMaeTrainOptions *o, guint64 t)
{
  guint64 done = t - 1;

  if (done < o->warmup)
    return o->lr * done / o->warmup;
  if (done >= o->steps)
    return o->min_lr;
  return o->min_lr + (o->lr - o->min_lr) * 0.5 * (1 + cos (G_PI * (done - o->warmup) / (o->steps - o->warmup)));
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

void
gh_mae_train_options_append (GString *out, const GhMaeTrainOptions *options)
{
  for (guint i = 0; i < G_N_ELEMENTS (options_table); i++) {
    const struct Option *option = &options_table[i];
    const void *p = (const char *) options + option->offset;

    g_string_append_printf (out, "%s\"%s\":", i ? "," : "{", option->name);
    switch (option->type) {
      case INT:
        g_string_append_printf (out, "%d", *(const int *) p);
        break;
      case COUNT:
        g_string_append_printf (out, "%" G_GUINT64_FORMAT, *(const guint64 *) p);
        break;
      case NUMBER:
        gh_json_append_number (out, *(const double *) p, FALSE);
        break;
      case FLAG:
        g_string_append (out, *(const gboolean *) p ? "true" : "false");
        break;
      case PRECISION:
        gh_json_append_string (out, precisions[options->precision]);
        break;
      case TARGET:
        gh_json_append_string (out, gh_mae_target_name (options->target));
        break;
    }
  }
  g_string_append_c (out, '}');
}

static void
parse_int (GhJson *json, int *value)
{
  guint64 number;

  if (!gh_json_uint (json, &number))
    return;
  if (number > G_MAXINT)
    gh_json_fail (json, "%" G_GUINT64_FORMAT " is too large", number);
  else
    *value = number;
}

static guint
parse_word (GhJson *json, const char *const *words, guint n)
{
  g_autofree char *word = NULL;

  if (!gh_json_string (json, &word))
    return 0;
  for (guint i = 0; i < n; i++)
    if (strcmp (word, words[i]) == 0)
      return i;
  gh_json_fail (json, "\"%s\" is unknown", word);
  return 0;
}

static void
parse_target (GhJson *json, GhMaeTarget *target)
{
  g_autofree char *word = NULL;

  if (gh_json_string (json, &word) && !gh_mae_target_from_name (target, word))
    gh_json_fail (json, "\"%s\" is unknown", word);
}

static void
parse_value (GhJson *json, const struct Option *option, GhMaeTrainOptions *options)
{
  void *p = (char *) options + option->offset;

  switch (option->type) {
    case INT:
      parse_int (json, p);
      break;
    case COUNT:
      gh_json_uint (json, p);
      break;
    case NUMBER:
      gh_json_double (json, p);
      break;
    case FLAG:
      gh_json_boolean (json, p);
      break;
    case PRECISION:
      options->precision = parse_word (json, precisions, G_N_ELEMENTS (precisions));
      break;
    case TARGET:
      parse_target (json, p);
      break;
  }
}

void
gh_mae_train_options_parse (GhJson *json, GhMaeTrainOptions *options)
{
  gboolean first = TRUE;
  guint32 seen = 0;
  char *next;

  G_STATIC_ASSERT (G_N_ELEMENTS (options_table) <= 32);
  gh_mae_train_options_init (options);
  if (!gh_json_begin_object (json))
    return;
  while (gh_json_next_key (json, &first, &next)) {
    g_autofree char *key = next;
    guint i = 0;

    while (i < G_N_ELEMENTS (options_table) && strcmp (key, options_table[i].name) != 0)
      i++;
    if (i == G_N_ELEMENTS (options_table))
      gh_json_fail (json, "unknown key \"%s\"", key);
    else if (seen & 1u << i)
      gh_json_fail (json, "\"%s\" stands there twice", key);
    else {
      seen |= 1u << i;
      parse_value (json, &options_table[i], options);
      gh_json_within (json, "", key);
    }
  }
  if (!gh_json_failed (json) && seen != (1u << G_N_ELEMENTS (options_table)) - 1)
    gh_json_fail (json, "an option is missing");
}
