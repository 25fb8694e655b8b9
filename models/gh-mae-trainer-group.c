/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-trainer-group.c: one training in several processes, see gh-mae-trainer.h. All begin with the state of rank 0;
 * each step adds up the gradients, already scaled for the sum to be their mean, and everybody does the same with it.
 */
#include "gh-mae-trainer-private.h"

/* For a sum among devices; shorter than what the element promises. */
#define DEVICE_SECONDS 25

/* What rank 0 knows beside numbers of the model. */
typedef struct {
  guint64 steps_done, images, n_losses;
  float std[3];
  gint32 needs_camera;
} State;

int
gh_mae_trainer_rank (const GhMaeTrainer *t)
{
  return t->group ? gh_collective_rank (t->group) : 0;
}

int
gh_mae_trainer_processes (const GhMaeTrainer *t)
{
  return t->group ? gh_collective_size (t->group) : 1;
}

void
gh_mae_trainer_set_ending (GhMaeTrainer *t, gboolean ending)
{
  t->wants_end = ending;
}

void
gh_mae_trainer_stop (GhMaeTrainer *t)
{
  if (t->group)
    gh_collective_cancel (t->group);
}

/* What all have to agree about. The camera's deviation is rank 0's to say. */
static char *
describe (const GhMaeTrainer *t)
{
  GString *text = g_string_new ("{\"config\":");
  g_autofree char *json = NULL;
  GhMaeConfig config = t->config;

  if (config.target == GH_MAE_TARGET_CAMERA)
    config.std[0] = config.std[1] = config.std[2] = 1;
  json = gh_mae_config_to_json (&config);
  g_string_append_printf (text, "%s,\"numbers\":%" G_GUINT64_FORMAT ",\"options\":", json, t->model.params.n_all);
  gh_mae_train_options_append (text, &t->options);
  g_string_append_c (text, '}');
  for (char *c = text->str; *c; c++)
    if (!g_ascii_isprint (*c))
      *c = ' ';
  return g_string_free (text, FALSE);
}

/* x[n] of the context as memory of the host: itself, or staging[n], filled. */
static float *
to_host (GhMaeTrainer *t, float *x, guint64 n, GError **error)
{
  if (t->is_host)
    return x;
  if (!t->staging)
    t->staging = g_try_new (float, t->model.params.n_all);
  if (!gh_mae_trainer_check (t, t->staging ? gh_download (t->ctx, t->staging, x, n * sizeof (float)) : GH_NOMEM, error)
      || !gh_mae_trainer_check (t, gh_sync (t->ctx), error))
    return NULL;
  return t->staging;
}

static gboolean
from_host (GhMaeTrainer *t, float *x, const float *host, guint64 n, GError **error)
{
  return t->is_host || gh_mae_trainer_check (t, gh_upload (t->ctx, x, host, n * sizeof (float)), error);
}

static gboolean
share (GhMaeTrainer *t, float *x, guint64 n, GError **error)
{
  float *host = to_host (t, x, n, error);

  return host && gh_collective_broadcast (t->group, host, n * sizeof (float), error)
      && from_host (t, x, host, n, error);
}

static gboolean
share_std (GhMaeTrainer *t, GError **error)
{
  if (!gh_collective_broadcast (t->group, t->config.std, sizeof t->config.std, error))
    return FALSE;
  for (int k = 0; k < 3; k++)
    t->model.config.std[k] = t->config.std[k];
  return TRUE;
}

gboolean
gh_mae_trainer_share_camera (GhMaeTrainer *t, GError **error)
{
  const GhMaeTensor *tensor = gh_mae_params_find (&t->model.params, GH_MAE_OFFSET);

  return share_std (t, error)
      && share (t, t->model.params.weights + tensor->offset, gh_param_count (tensor->param), error);
}

static gboolean
share_state (GhMaeTrainer *t, GError **error)
{
  const GhMaeParams *p = &t->model.params;
  State state = { t->steps_done, t->images, t->losses->len, { 0 }, t->needs_camera };

  if (!gh_collective_broadcast (t->group, &state, sizeof state, error))
    return FALSE;
  t->steps_done = state.steps_done;
  t->images = state.images;
  t->needs_camera = state.needs_camera;
  g_array_set_size (t->losses, state.n_losses);
  return share_std (t, error)
      && gh_collective_broadcast (t->group, t->losses->data, state.n_losses * sizeof (float), error)
      && share (t, p->weights, p->n_all, error)
      && share (t, p->m, p->n_trained, error)
      && share (t, p->v, p->n_trained, error)
      && gh_mae_trainer_check (t, gh_mae_model_refresh (&t->model), error);
}

/* Where every process has what it takes, the devices form a group of their own, too. */
static gboolean
join_devices (GhMaeTrainer *t, const GhWorld *world, GError **error)
{
  guint8 id[GH_GROUP_ID] = { 0 };
  float able = !t->is_host && gh_group_available (t->ctx) == GH_OK;

  if (!gh_collective_sum (t->group, &able, 1, error))
    return FALSE;
  if (able < world->size)
    return TRUE;
  t->on_device = TRUE;
  return (world->rank > 0 || gh_mae_trainer_check (t, gh_group_id (t->ctx, id), error))
      && gh_collective_broadcast (t->group, id, sizeof id, error)
      && gh_mae_trainer_check (t, gh_group_join (t->ctx, id, world->rank, world->size, world->join_seconds), error);
}

gboolean
gh_mae_trainer_join (GhMaeTrainer *t, const GhWorld *world, GError **error)
{
  g_autofree char *text = NULL, *alone = NULL;

  g_return_val_if_fail (t->group == NULL && t->options.processes == world->size, FALSE);
  if (world->size == 1)
    return TRUE;
  text = describe (t);
  if (!(t->group = gh_collective_new (world, text, error)) || !share_state (t, error)
      || !join_devices (t, world, error)) {
    g_clear_pointer (&t->group, gh_collective_free);
    return FALSE;
  }
  alone = g_steal_pointer (&t->reason);
  t->reason = g_strdup_printf ("%s; rank %d of %d processes, over %s", alone, world->rank, world->size,
      t->on_device ? "NCCL" : "TCP");
  return TRUE;
}

/* All are there, as the sum before this one shows, so it takes no longer than to move the numbers. */
static gboolean
add_up_on_devices (GhMaeTrainer *t, GError **error)
{
  if (gh_group_sum (t->ctx, t->model.params.gradient, t->model.params.n_trained, DEVICE_SECONDS) == GH_OK)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_PEER, "the training in %d processes has ended: rank %d: %s",
      gh_mae_trainer_processes (t), gh_mae_trainer_rank (t), gh_last_error (t->ctx));
  return FALSE;
}

gboolean
gh_mae_trainer_add_up (GhMaeTrainer *t, GError **error)
{
  const GhMaeParams *p = &t->model.params;
  float tail[2] = { 0, t->wants_end }, *host;

  if (!gh_mae_trainer_check (t, gh_download (t->ctx, tail, t->pass.sums, sizeof (float)), error)
      || !gh_mae_trainer_check (t, gh_sync (t->ctx), error)
      || !gh_collective_sum (t->group, tail, 2, error)
      || !gh_mae_trainer_check (t, gh_upload (t->ctx, t->pass.sums, tail, sizeof (float)), error))
    return FALSE;
  t->ends = tail[1] > 0;
  if (t->on_device)
    return add_up_on_devices (t, error);
  host = to_host (t, p->gradient, p->n_trained, error);
  return host && gh_collective_sum (t->group, host, p->n_trained, error)
      && from_host (t, p->gradient, host, p->n_trained, error);
}
