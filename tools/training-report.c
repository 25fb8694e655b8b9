/* SPDX-License-Identifier: LGPL-2.1-or-later
 * training-report.c: see the header. */
#include "training-report.h"
#include "loss-plot.h"

double
gh_recent_loss (const GhMaeTrainer *trainer)
{
  guint64 n;
  const float *losses = gh_mae_trainer_losses (trainer, &n);
  guint64 taken = MIN (n, GH_RECENT_LOSSES);
  double sum = 0;

  for (guint64 i = n - taken; i < n; i++)
    sum += losses[i];
  return taken ? sum / taken : 0;
}

gboolean
gh_loss_csv_write (const GhMaeTrainer *trainer, const char *path, GError **error)
{
  g_autoptr (GString) text = g_string_new ("step,loss\n");
  g_autoptr (GError) reason = NULL;
  guint64 n;
  const float *losses = gh_mae_trainer_losses (trainer, &n);

  for (guint64 i = 0; i < n; i++) {
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd (number, sizeof number, "%.6g", losses[i]);
    g_string_append_printf (text, "%" G_GUINT64_FORMAT ",%s\n", i + 1, number);
  }
  if (g_file_set_contents (path, text->str, text->len, &reason))
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_WRITE, "%s", reason->message);
  return FALSE;
}

gboolean
gh_loss_picture_write (const GhMaeTrainer *trainer, const char *about, const char *path, GError **error)
{
  const GhMaeTrainOptions *o = gh_mae_trainer_options (trainer);
  guint64 n;
  const float *losses = gh_mae_trainer_losses (trainer, &n);
  g_autofree char *title = g_strdup_printf ("loss %.3f after %" G_GUINT64_FORMAT " steps", gh_recent_loss (trainer), n);
  g_autofree char *subtitle = g_strdup_printf ("%d images a step  ·  learning rate %g  ·  %.0f %% hidden  ·  %s",
      o->batch * o->accumulate, o->lr, 100 * o->mask_ratio, about);
  GhLossPlot plot = { title, subtitle, losses, n };

  return gh_loss_plot_write (&plot, path, error);
}
