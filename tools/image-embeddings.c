/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * image-embeddings.c: batches of files, decoded side by side, then encoded together.
 */
#include "image-embeddings.h"
#include "embedding-cache.h"
#include "image-batch.h"
#include "image-damage.h"
#include "tools.h"

#include <gio/gio.h>
#include <string.h>

#define BATCH GH_IMAGE_BATCH

struct _GhEmbedder
{
  char *name;
  int dim, width, height;
  gboolean grey;
  GhEncoderSession *session;    /* NULL for thumbnails */
  GhImageBatch *batch;
};

/* ---- embedders ----------------------------------------------------------------------------------------- */

static GhEmbedder *
embedder_new (char *name, int dim, int width, int height)
{
  GhEmbedder *embedder = g_new0 (GhEmbedder, 1);

  embedder->name = name;
  embedder->dim = dim;
  embedder->width = width;
  embedder->height = height;
  embedder->batch = gh_image_batch_new (width, height);
  return embedder;
}

GhEmbedder *
gh_embedder_new_encoder (GhEncoder *encoder, GError **error)
{
  const GhMaeConfig *config = gh_encoder_config (encoder);
  GhEncoderSession *session = gh_encoder_session_new (encoder, BATCH, error);
  GhEmbedder *embedder;

  if (!session)
    return NULL;
  embedder = embedder_new (g_strdup_printf ("%s-%s", gh_encoder_id (encoder), gh_encoder_precision (encoder)),
      config->embedding, config->width, config->height);
  embedder->session = session;
  return embedder;
}

GhEmbedder *
gh_embedder_new_thumbnail (int width, int height, gboolean grey)
{
  GhEmbedder *embedder = embedder_new (g_strdup_printf ("thumbnail-%s-%dx%d", grey ? "grey" : "rgb", width, height),
      width * height * (grey ? 1 : 3), width, height);

  embedder->grey = grey;
  return embedder;
}

void
gh_embedder_free (GhEmbedder *embedder)
{
  if (!embedder)
    return;
  gh_image_batch_free (embedder->batch);
  gh_encoder_session_free (embedder->session);
  g_free (embedder->name);
  g_free (embedder);
}

const char *
gh_embedder_name (const GhEmbedder *embedder)
{
  return embedder->name;
}

int
gh_embedder_dim (const GhEmbedder *embedder)
{
  return embedder->dim;
}

char *
gh_embedder_cache_name (const GhEmbedder *embedder, const char *folder, const GhCrop *crop)
{
  g_autofree char *full = g_canonicalize_filename (folder, NULL), *parent = g_path_get_dirname (full);
  g_autofree char *base = g_path_get_basename (full), *above = g_path_get_basename (parent);
  g_autofree char *area = gh_crop_to_string (crop);

  /* Many sets keep their images in a folder "frames" or "images". */
  if (*above == G_DIR_SEPARATOR || *above == '.')
    *above = '\0';
  g_strdelimit (area, ",", '_');
  return g_strdup_printf ("embeddings-%s%s%s-%s%s%s.safetensors", above, *above ? "-" : "", base, embedder->name,
      *area ? "-" : "", area);
}

static void
thumbnails (const GhEmbedder *embedder, const guint8 *rgb, int n, float *out)
{
  const guint8 *p = rgb;

  for (gsize i = 0; i < (gsize) n * embedder->width * embedder->height; i++, p += 3) {
    if (embedder->grey) {
      *out++ = (0.299f * p[0] + 0.587f * p[1] + 0.114f * p[2]) / 255;
    } else {
      *out++ = p[0] / 255.0f;
      *out++ = p[1] / 255.0f;
      *out++ = p[2] / 255.0f;
    }
  }
}

static gboolean
embed (GhEmbedder *embedder, const guint8 *rgb, int n, float *out, GError **error)
{
  if (embedder->session)
    return gh_encoder_encode (embedder->session, rgb, (gsize) embedder->width * 3, n, out, NULL, error);
  thumbnails (embedder, rgb, n, out);
  return TRUE;
}

/* ---- batches ------------------------------------------------------------------------------------------- */

typedef struct {
  GhEmbedder *embedder;
  const char *folder;
  const GhCrop *crop;
  char *const *files;           /* [n] */
  guint n;
  GhEmbeddingCache *cache;
  float *out;                   /* [n,dim] */
  GArray *damaged;              /* NULL: every file has to be read */
} Work;

/* The vectors of files[index[n]] go to out and, unless of files that another time are to be left out, to the cache. */
static void
keep (const Work *w, const GhImageDamage *damage, const guint *index, int n, const float *vectors)
{
  const gsize dim = w->embedder->dim;

  for (int i = 0; i < n; i++) {
    if (w->damaged || gh_image_damage_is_whole (damage, w->files[index[i]]))
      gh_embedding_cache_put (w->cache, w->folder, w->files[index[i]], vectors + i * dim);
    memcpy (w->out + index[i] * dim, vectors + i * dim, dim * sizeof *vectors);
  }
}

/* Takes the problem. FALSE without an error: files[index] is left out. */
static gboolean
passes (const Work *w, GhImageDamage *damage, guint index, GError *problem, GError **error)
{
  if (!w->damaged) {
    if (problem)
      g_propagate_error (error, problem);
    return !problem;
  }
  if (gh_image_damage_passes (damage, w->files[index], problem, error))
    return TRUE;
  g_array_append_val (w->damaged, index);
  return FALSE;
}

/* Moves the pictures of files[index[*n]] that can be used to the front of rgb, and their indices. */
static gboolean
sift (const Work *w, GhImageDamage *damage, guint8 *rgb, guint *index, int *n, GError **problems, GError **error)
{
  const gsize size = (gsize) w->embedder->width * w->embedder->height * 3;
  GError *unfit = NULL;
  int kept = 0;

  for (int i = 0; i < *n; i++) {
    if (unfit) {
      g_clear_error (&problems[i]);
    } else if (passes (w, damage, index[i], problems[i], &unfit)) {
      if (kept < i)
        memcpy (rgb + kept * size, rgb + i * size, size);
      index[kept++] = index[i];
    }
  }
  *n = kept;
  if (unfit)
    g_propagate_error (error, unfit);
  return !unfit;
}

/* Everything in `wanted` (indices into files). */
static gboolean
compute (const Work *w, const GArray *wanted, GError **error)
{
  g_autofree float *vectors = g_new (float, (gsize) BATCH * w->embedder->dim);
  GhToolProgress progress = { 0 };
  GhImageDamage damage;
  gboolean good = TRUE;

  gh_image_damage_init (&damage, w->folder, w->files, w->n, &progress);
  for (guint at = 0; good && at < wanted->len; at += BATCH) {
    int n = MIN (BATCH, wanted->len - at);
    const char *batch[BATCH];
    GError *problems[BATCH];
    guint index[BATCH];
    guint8 *rgb;

    if (!gh_tool_progress ((double) at / wanted->len, w->embedder->session ? "encoding images" : "reading images",
            &progress)) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "stopped");
      good = FALSE;
      break;
    }
    for (int i = 0; i < n; i++) {
      index[i] = g_array_index (wanted, guint, at + i);
      batch[i] = w->files[index[i]];
    }
    rgb = gh_image_batch_read (w->embedder->batch, w->folder, batch, n, w->crop, problems);
    good = sift (w, &damage, rgb, index, &n, problems, error) && (n == 0 || embed (w->embedder, rgb, n, vectors, error));
    if (good)
      keep (w, &damage, index, n, vectors);
  }
  if (good)
    gh_tool_progress (1, progress.what, &progress);
  gh_tool_progress_end (&progress);
  if (good)
    gh_image_damage_tell (&damage);
  return good;
}

/* Closes the gaps in out[n,dim] where damaged files would be. */
static void
close_gaps (const Work *w)
{
  const gsize dim = w->embedder->dim;
  guint kept = 0, next = 0;

  for (guint i = 0; i < w->n; i++) {
    if (next < w->damaged->len && g_array_index (w->damaged, guint, next) == i) {
      next++;
      continue;
    }
    if (kept < i)
      memcpy (w->out + kept * dim, w->out + i * dim, dim * sizeof *w->out);
    kept++;
  }
}

float *
gh_image_embeddings (GhEmbedder *embedder, const char *folder, char *const *files, guint n, const GhCrop *crop,
    const char *cache_path, guint *computed, GArray *damaged, GError **error)
{
  g_autofree char *area = gh_crop_to_string (crop), *key = g_strdup_printf ("%s crop=%s", embedder->name, area);
  g_autoptr (GhEmbeddingCache) cache = gh_embedding_cache_open (cache_path, key, embedder->dim);
  g_autoptr (GArray) wanted = g_array_new (FALSE, FALSE, sizeof (guint));
  g_autofree float *out = g_new (float, (gsize) MAX (n, 1) * embedder->dim);
  const Work work = { embedder, folder, crop, files, n, cache, out, damaged };
  gboolean good = TRUE;

  for (guint i = 0; i < n; i++) {
    const float *kept = gh_embedding_cache_get (cache, folder, files[i]);

    if (kept)
      memcpy (out + (gsize) i * embedder->dim, kept, embedder->dim * sizeof *kept);
    else
      g_array_append_val (wanted, i);
  }
  if (computed)
    *computed = wanted->len;
  if (wanted->len > 0) {
    g_autoptr (GError) unkept = NULL;

    good = compute (&work, wanted, error);
    /* A cache that cannot be written costs time at the next training, no more. */
    if (!gh_embedding_cache_save (cache, &unkept))
      g_printerr ("embeddings are not kept for the next time: %s\n", unkept->message);
  }
  if (good && damaged && damaged->len > 0)
    close_gaps (&work);
  return good ? g_steal_pointer (&out) : NULL;
}
