/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * embedding-cache.c: the file holds one tensor "embeddings" [n,dim]; its metadata hold the key and, as JSON, an array
 * of [name, size, modification time in nanoseconds] in the order of the rows.
 */
#include "embedding-cache.h"
#include "models/gh-json.h"
#include "models/gh-safetensors.h"

#include <string.h>
#include <sys/stat.h>

#define FORMAT "2"              /* those of 1 may be of pictures that break off */
/* The names have to fit a header of 16 MiB. */
#define MAX_ENTRIES 100000

typedef struct {
  guint64 size, mtime;
  float *embedding;
} Entry;

struct _GhEmbeddingCache
{
  char *path, *key;
  int dim;
  GHashTable *entries;          /* char* -> Entry* */
  gboolean changed;
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  g_free (entry->embedding);
  g_free (entry);
}

/* ---- reading ------------------------------------------------------------------------------------------- */

static gboolean
read_entry (GhEmbeddingCache *cache, GhJson *json, const float *embedding)
{
  g_autofree char *name = NULL;
  Entry entry;
  gboolean first = TRUE;

  if (!gh_json_begin_array (json) || !gh_json_next_item (json, &first) || !gh_json_string (json, &name)
      || !gh_json_next_item (json, &first) || !gh_json_uint (json, &entry.size) || !gh_json_next_item (json, &first)
      || !gh_json_uint (json, &entry.mtime) || gh_json_next_item (json, &first) || gh_json_failed (json))
    return FALSE;
  entry.embedding = g_memdup2 (embedding, cache->dim * sizeof *embedding);
  g_hash_table_replace (cache->entries, g_steal_pointer (&name), g_memdup2 (&entry, sizeof entry));
  return TRUE;
}

static gboolean
read_entries (GhEmbeddingCache *cache, const char *files, const float *embeddings, gint64 n)
{
  gboolean first = TRUE;
  GhJson json;
  gint64 i = 0;

  if (!gh_json_init (&json, files, strlen (files)) || !gh_json_begin_array (&json))
    return FALSE;
  for (; gh_json_next_item (&json, &first); i++)
    if (i == n || !read_entry (cache, &json, embeddings + i * cache->dim))
      return FALSE;
  return gh_json_end (&json) && i == n;
}

/* FALSE for whatever does not fit; the cache then starts empty. */
static gboolean
load (GhEmbeddingCache *cache)
{
  g_autoptr (GhSafetensors) st = gh_safetensors_open (cache->path, NULL);
  const GhTensorInfo *tensor = st ? gh_safetensors_find (st, "embeddings") : NULL;
  const char *format = st ? gh_safetensors_metadata (st, "cache_format") : NULL;
  const char *key = st ? gh_safetensors_metadata (st, "key") : NULL;
  const char *files = st ? gh_safetensors_metadata (st, "files") : NULL;
  g_autofree float *values = NULL;

  if (!tensor || g_strcmp0 (format, FORMAT) != 0 || g_strcmp0 (key, cache->key) != 0 || !files || tensor->rank != 2
      || tensor->shape[1] != cache->dim)
    return FALSE;
  values = g_try_new (float, MAX (tensor->count, 1));
  return values && gh_safetensors_read_f32 (st, tensor, values, TRUE, NULL)
      && read_entries (cache, files, values, tensor->shape[0]);
}

GhEmbeddingCache *
gh_embedding_cache_open (const char *path, const char *key, int dim)
{
  GhEmbeddingCache *cache = g_new0 (GhEmbeddingCache, 1);

  cache->path = g_strdup (path);
  cache->key = g_strdup (key);
  cache->dim = dim;
  cache->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  if (path && !load (cache))
    g_hash_table_remove_all (cache->entries);
  return cache;
}

void
gh_embedding_cache_free (GhEmbeddingCache *cache)
{
  if (!cache)
    return;
  g_free (cache->path);
  g_free (cache->key);
  g_hash_table_unref (cache->entries);
  g_free (cache);
}

/* ---- asking and adding --------------------------------------------------------------------------------- */

static gboolean
look_at (const char *folder, const char *file, guint64 *size, guint64 *mtime)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  struct stat info;

  if (stat (path, &info) != 0)
    return FALSE;
  *size = info.st_size;
  *mtime = info.st_mtim.tv_sec < 0 ? 0 : info.st_mtim.tv_sec * G_GUINT64_CONSTANT (1000000000) + info.st_mtim.tv_nsec;
  return TRUE;
}

const float *
gh_embedding_cache_get (GhEmbeddingCache *cache, const char *folder, const char *file)
{
  const Entry *entry = g_hash_table_lookup (cache->entries, file);
  guint64 size, mtime;

  return entry && look_at (folder, file, &size, &mtime) && size == entry->size && mtime == entry->mtime
      ? entry->embedding : NULL;
}

void
gh_embedding_cache_put (GhEmbeddingCache *cache, const char *folder, const char *file, const float *embedding)
{
  Entry entry;

  if (!look_at (folder, file, &entry.size, &entry.mtime))
    return;
  entry.embedding = g_memdup2 (embedding, cache->dim * sizeof *embedding);
  g_hash_table_replace (cache->entries, g_strdup (file), g_memdup2 (&entry, sizeof entry));
  cache->changed = TRUE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (a, b);
}

gboolean
gh_embedding_cache_save (GhEmbeddingCache *cache, GError **error)
{
  guint n = g_hash_table_size (cache->entries), i = 0;
  g_autoptr (GHashTable) metadata = NULL;
  g_autoptr (GString) files = NULL;
  g_autofree float *values = NULL;
  GhTensorOut tensor = { "embeddings", GH_ST_F32, 2, { n, cache->dim } };
  GList *names;

  if (!cache->path || !cache->changed || n > MAX_ENTRIES)
    return TRUE;
  files = g_string_new ("[");
  values = g_new (float, (gsize) n * cache->dim);
  names = g_list_sort (g_hash_table_get_keys (cache->entries), compare_names);
  for (GList *name = names; name; name = name->next, i++) {
    const Entry *entry = g_hash_table_lookup (cache->entries, name->data);

    g_string_append (files, i ? ",[" : "[");
    gh_json_append_string (files, name->data);
    g_string_append_printf (files, ",%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]", entry->size, entry->mtime);
    memcpy (values + (gsize) i * cache->dim, entry->embedding, cache->dim * sizeof *values);
  }
  g_list_free (names);
  g_string_append_c (files, ']');
  metadata = g_hash_table_new (g_str_hash, g_str_equal);
  g_hash_table_insert (metadata, (gpointer) "cache_format", (gpointer) FORMAT);
  g_hash_table_insert (metadata, (gpointer) "key", cache->key);
  g_hash_table_insert (metadata, (gpointer) "files", files->str);
  tensor.data = values;
  cache->changed = FALSE;
  return gh_safetensors_write (cache->path, &tensor, 1, metadata, error);
}
