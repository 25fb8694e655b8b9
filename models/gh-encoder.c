/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-encoder.c: GhEncoder, see gh-encoder.h. Encoders in use stand in a registry, keyed by what makes their packed
 * weights what they are; an entry without an encoder is being loaded by some thread, and the others wait for it.
 */
#include "gh-encoder-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static GMutex registry_lock;
static GCond registry_changed;
static GHashTable *registry;    /* key -> GhEncoder*, NULL while loading */

gboolean
gh_encoder_check (GhStatus status, GhCtx *ctx, const char *shown, GError **error)
{
  const char *words;

  if (status == GH_OK)
    return TRUE;
  words = status == GH_NOMEM ? "not enough memory" : gh_last_error (ctx);
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "%s: the %s back end failed: %s", shown,
      gh_device_name (gh_ctx_device (ctx)), *words ? words : "no reason given");
  return FALSE;
}

gboolean
gh_encoder_fits_memory (GhCtx *ctx, guint64 bytes, const char *what, const char *shown, GError **error)
{
  guint64 memory = (guint64) sysconf (_SC_PHYS_PAGES) * (guint64) sysconf (_SC_PAGESIZE);
  g_autofree char *need = NULL, *have = NULL;

  if (gh_ctx_device (ctx) == GH_DEVICE_CUDA || bytes <= memory)
    return TRUE;
  need = g_format_size (bytes);
  have = g_format_size (memory);
  g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "%s: %s would take %s of memory; this machine has %s", shown, what,
      need, have);
  return FALSE;
}

/* ---- device and precision ---------------------------------------------------------------------------------------- */

/* Decides what to multiply in. why gets the words for the reason line. */
static gboolean
choose_dtype (GhCtx *ctx, GhPrecision precision, GhDtype *dtype, char **why, GError **error)
{
  static const GhDtype asked[] = { [GH_PRECISION_F32] = GH_DTYPE_F32, [GH_PRECISION_BF16] = GH_DTYPE_BF16,
    [GH_PRECISION_INT16] = GH_DTYPE_INT16, [GH_PRECISION_INT8] = GH_DTYPE_INT8 };
  const char *engine = NULL, *device = gh_device_name (gh_ctx_device (ctx));
  bool fast = false;

  *dtype = precision == GH_PRECISION_AUTO ? gh_best_dtype (ctx) : asked[precision];
  if (!gh_supports (ctx, *dtype, &fast, &engine)) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE,
        "the %s back end cannot multiply in %s on this machine; use precision=auto", device, gh_dtype_name (*dtype));
    return FALSE;
  }
  *why = g_strdup_printf ("precision %s (%s%s) by %s", gh_dtype_name (*dtype),
      precision == GH_PRECISION_AUTO ? "the fastest here that stays within 2 % of f32" : "as asked",
      fast ? "" : ", slow: this machine has no instructions for it", engine ? engine : device);
  return TRUE;
}

static GhCtx *
open_context (GhDevice device, GhPrecision precision, int threads, GhDtype *dtype, char **reason, GError **error)
{
  char words[256] = "";
  GhCtx *ctx = NULL;
  g_autofree char *why = NULL;

  GhStatus status = gh_ctx_new (&ctx, device, threads, words, sizeof (words));

  if (status != GH_OK) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "%s%s", words, status == GH_INVAL ? "" : "; device=cpu runs everywhere");
    return NULL;
  }
  if (!choose_dtype (ctx, precision, dtype, &why, error)) {
    gh_ctx_free (ctx);
    return NULL;
  }
  *reason = g_strdup_printf ("%s; %s", words, why);
  return ctx;
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */

static char *
find_file (const char *path, struct stat *info, GError **error)
{
  g_autofree char *found = gh_model_find (path), *shown = g_filename_display_name (found ? found : path);

  if (!found) {
    g_autofree char *folders = gh_model_search_path ();

    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND,
        "there is no encoder \"%s\", neither as a file nor in %s: give a .safetensors file", shown, folders);
  } else if (g_str_has_suffix (found, ".json")) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE,
        "%s is a model's configuration, not its weights: give a .safetensors file", shown);
  } else if (stat (found, info) != 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s cannot be read: %s", shown, g_strerror (errno));
  } else if (!S_ISREG (info->st_mode)) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s cannot be read: it is not a regular file", shown);
  } else {
    return g_steal_pointer (&found);
  }
  return NULL;
}

/* What decides about the packed weights: the very file, where they lie, in which type. */
static char *
make_key (const struct stat *info, GhCtx *ctx, GhDtype dtype)
{
  return g_strdup_printf ("%" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT " %" G_GINT64_FORMAT ".%09ld %" G_GUINT64_FORMAT
      " %s %s %d", (guint64) info->st_dev, (guint64) info->st_ino, (gint64) info->st_mtim.tv_sec,
      info->st_mtim.tv_nsec, (guint64) info->st_size, gh_device_name (gh_ctx_device (ctx)), gh_dtype_name (dtype),
      gh_ctx_threads (ctx));
}

static void
encoder_free (GhEncoder *encoder)
{
  gh_encoder_weights_clear (&encoder->weights);
  gh_ctx_free (encoder->ctx);
  g_free (encoder->key);
  g_free (encoder->path);
  g_free (encoder->shown);
  g_free (encoder->id);
  g_free (encoder->reason);
  g_free (encoder);
}

typedef struct {
  GhCheckpoint *checkpoint;
  char *id;
  GError *error;
} Identity;

/* Hashing a large file takes as long as packing it: both go on at once. */
static gpointer
identify (gpointer data)
{
  Identity *identity = data;

  identity->id = g_strdup (gh_checkpoint_id (identity->checkpoint, &identity->error));
  return NULL;
}

static gboolean
load_weights (GhEncoder *encoder, GhCheckpoint *checkpoint, GhDtype dtype, GError **error)
{
  Identity identity = { .checkpoint = checkpoint };
  GThread *thread = g_thread_new ("model-id", identify, &identity);
  gboolean loaded = gh_encoder_weights_load (&encoder->weights, checkpoint, encoder->ctx, dtype, error);

  g_thread_join (thread);
  encoder->id = identity.id;
  if (loaded && identity.error)
    g_propagate_error (error, g_steal_pointer (&identity.error));
  g_clear_error (&identity.error);
  return loaded && encoder->id;
}

/* Takes ctx, reason and key. */
static GhEncoder *
load_file (const char *path, GhCtx *ctx, GhDtype dtype, char *reason, char *key, GError **error)
{
  GhEncoder *encoder = g_new0 (GhEncoder, 1);
  g_autoptr (GhCheckpoint) checkpoint = NULL;

  encoder->refs = 1;
  encoder->ctx = ctx;
  encoder->reason = reason;
  encoder->key = key;
  encoder->path = g_strdup (path);
  encoder->shown = g_filename_display_name (path);
  checkpoint = gh_checkpoint_open (path, error);
  if (!checkpoint || !load_weights (encoder, checkpoint, dtype, error)) {
    encoder_free (encoder);
    return NULL;
  }
  encoder->config = *gh_checkpoint_config (checkpoint);
  encoder->is_trained = gh_checkpoint_is_trained (checkpoint);
  return encoder;
}

/* A reference to the encoder of this key, or NULL: then it is the caller's to load and to publish(). */
static GhEncoder *
claim (const char *key)
{
  gpointer encoder = NULL;

  g_mutex_lock (&registry_lock);
  if (!registry)
    registry = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  while (g_hash_table_lookup_extended (registry, key, NULL, &encoder) && !encoder)
    g_cond_wait (&registry_changed, &registry_lock);
  if (encoder)
    ((GhEncoder *) encoder)->refs++;
  else
    g_hash_table_insert (registry, g_strdup (key), NULL);
  g_mutex_unlock (&registry_lock);
  return encoder;
}

static void
publish (const char *key, GhEncoder *encoder)
{
  g_mutex_lock (&registry_lock);
  if (encoder)
    g_hash_table_insert (registry, g_strdup (key), encoder);
  else
    g_hash_table_remove (registry, key);
  g_cond_broadcast (&registry_changed);
  g_mutex_unlock (&registry_lock);
}

GhEncoder *
gh_encoder_load (const char *path, GhDevice device, GhPrecision precision, int threads, GError **error)
{
  g_autofree char *found = NULL, *key = NULL;
  char *reason = NULL;
  struct stat info = { 0 };
  GhEncoder *encoder;
  GhDtype dtype;
  GhCtx *ctx;

  g_return_val_if_fail (path != NULL, NULL);
  g_return_val_if_fail (precision >= GH_PRECISION_AUTO && precision <= GH_PRECISION_INT8, NULL);

  found = find_file (path, &info, error);
  if (!found)
    return NULL;
  ctx = open_context (device, precision, threads, &dtype, &reason, error);
  if (!ctx)
    return NULL;
  key = make_key (&info, ctx, dtype);
  encoder = claim (key);
  if (encoder) {
    gh_ctx_free (ctx);
    g_free (reason);
    return encoder;
  }
  encoder = load_file (found, ctx, dtype, reason, g_strdup (key), error);
  publish (key, encoder);
  return encoder;
}

GhEncoder *
gh_encoder_ref (GhEncoder *encoder)
{
  g_mutex_lock (&registry_lock);
  encoder->refs++;
  g_mutex_unlock (&registry_lock);
  return encoder;
}

void
gh_encoder_unref (GhEncoder *encoder)
{
  gboolean last;

  if (!encoder)
    return;
  g_mutex_lock (&registry_lock);
  last = --encoder->refs == 0;
  if (last)
    g_hash_table_remove (registry, encoder->key);
  g_mutex_unlock (&registry_lock);
  if (last)
    encoder_free (encoder);
}

/* ---- what it is -------------------------------------------------------------------------------------------------- */

const GhMaeConfig *
gh_encoder_config (const GhEncoder *encoder)
{
  return &encoder->config;
}

const char *
gh_encoder_path (const GhEncoder *encoder)
{
  return encoder->path;
}

const char *
gh_encoder_id (const GhEncoder *encoder)
{
  return encoder->id;
}

const char *
gh_encoder_device (const GhEncoder *encoder)
{
  return gh_device_name (gh_ctx_device (encoder->ctx));
}

const char *
gh_encoder_precision (const GhEncoder *encoder)
{
  return gh_dtype_name (encoder->weights.dtype);
}

const char *
gh_encoder_reason (const GhEncoder *encoder)
{
  return encoder->reason;
}

gboolean
gh_encoder_has_decoder (const GhEncoder *encoder)
{
  return encoder->weights.decoder.depth > 0;
}

gboolean
gh_encoder_is_trained (const GhEncoder *encoder)
{
  return encoder->is_trained;
}
