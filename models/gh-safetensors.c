/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-safetensors.c: opens safetensors files, hashes them and reads their tensors as float32.
 *
 * A file is read with pread(2), never mapped: truncation under us is an error here, not a SIGBUS. It is opened
 * without blocking, so that a named pipe is refused instead of waited for. Its size and time stamp are compared
 * with those at opening after every read, so that half an old and half a new file never pass for a model.
 */
#include "gh-safetensors-private.h"
#include "gh-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct _GhSafetensors {
  char *path, *shown;           /* shown: the path as valid UTF-8, for messages */
  int fd;
  struct stat stat;             /* at opening */
  guint64 data_start;           /* byte of the file where the data buffer begins */
  GArray *tensors;              /* GhTensorInfo, sorted by offset */
  GHashTable *by_name;          /* name -> GhTensorInfo*, borrowed from tensors */
  GHashTable *metadata;
  GMutex lock;                  /* guards id */
  char *id;
};

static void
tensor_clear (gpointer data)
{
  g_free (((GhTensorInfo *) data)->name);
}

void
gh_safetensors_free (GhSafetensors *st)
{
  if (!st)
    return;
  if (st->fd >= 0)
    close (st->fd);
  g_hash_table_unref (st->by_name);
  g_hash_table_unref (st->metadata);
  g_array_unref (st->tensors);
  g_mutex_clear (&st->lock);
  g_free (st->path);
  g_free (st->shown);
  g_free (st->id);
  g_free (st);
}

static gboolean
changed (GhSafetensors *st, GError **error)
{
  struct stat now;

  if (fstat (st->fd, &now) == 0 && now.st_size == st->stat.st_size && now.st_mtim.tv_sec == st->stat.st_mtim.tv_sec
      && now.st_mtim.tv_nsec == st->stat.st_mtim.tv_nsec)
    return FALSE;
  g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: the file was changed while it was being read; write a new file "
      "and rename it over the old one instead", st->shown);
  return TRUE;
}

/* All of size bytes from byte `at` of the file, or an error. */
static gboolean
read_at (GhSafetensors *st, void *data, gsize size, guint64 at, GError **error)
{
  gsize done = 0;

  while (done < size) {
    gssize n = pread (st->fd, (char *) data + done, MIN (size - done, 1 << 30), at + done);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s: cannot be read: %s", st->shown, g_strerror (errno));
      return FALSE;
    }
    if (n == 0) {
      if (!changed (st, error))
        g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: the file ends early", st->shown);
      return FALSE;
    }
    done += n;
  }
  return !changed (st, error);
}

static const char *
kind_of_file (mode_t mode)
{
  return S_ISDIR (mode) ? "a folder" : S_ISFIFO (mode) ? "a named pipe" : S_ISSOCK (mode) ? "a socket" : "a device";
}

static gboolean
open_file (GhSafetensors *st, GError **error)
{
  st->fd = g_open (st->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
  if (st->fd < 0) {
    int saved = errno;

    g_set_error (error, GH_ERROR, saved == ENOENT || saved == ENOTDIR ? GH_ERROR_NOT_FOUND : GH_ERROR_OPEN,
        "%s: cannot be opened: %s", st->shown, g_strerror (saved));
    return FALSE;
  }
  if (fstat (st->fd, &st->stat) < 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s: cannot be examined: %s", st->shown, g_strerror (errno));
    return FALSE;
  }
  if (!S_ISREG (st->stat.st_mode)) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s: is %s, not a regular file", st->shown,
        kind_of_file (st->stat.st_mode));
    return FALSE;
  }
  return TRUE;
}

/* Reads and checks the 8 bytes in front; on success *header is their word, no more than the file and our limit hold. */
static gboolean
read_header_size (GhSafetensors *st, guint64 *header, GError **error)
{
  guint64 size = st->stat.st_size, word;

  if (size < 8) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: not a safetensors file: it is shorter than the 8 bytes "
        "every one begins with", st->shown);
    return FALSE;
  }
  if (!read_at (st, &word, sizeof word, 0, error))
    return FALSE;
  *header = GUINT64_FROM_LE (word);
  if (*header > GH_ST_MAX_HEADER) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: not a safetensors file: its header would have %"
        G_GUINT64_FORMAT " bytes, of at most %d", st->shown, *header, GH_ST_MAX_HEADER);
    return FALSE;
  }
  if (*header > size - 8) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: truncated, or not a safetensors file: the header should have %"
        G_GUINT64_FORMAT " bytes, %" G_GUINT64_FORMAT " are there", st->shown, *header, size - 8);
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_header (GhSafetensors *st, GError **error)
{
  g_autofree char *header = NULL, *problem = NULL;
  guint64 size;

  if (!read_header_size (st, &size, error))
    return FALSE;
  header = g_malloc (size + 1);
  header[size] = '\0';
  if (!read_at (st, header, size, 8, error))
    return FALSE;
  st->data_start = 8 + size;
  if (!gh_st_parse_header (header, size, st->stat.st_size - st->data_start, st->tensors, st->metadata, &problem)) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: %s", st->shown, problem);
    return FALSE;
  }
  for (guint i = 0; i < st->tensors->len; i++) {
    GhTensorInfo *tensor = &g_array_index (st->tensors, GhTensorInfo, i);

    g_hash_table_insert (st->by_name, tensor->name, tensor);
  }
  return TRUE;
}

GhSafetensors *
gh_safetensors_open (const char *path, GError **error)
{
  g_autoptr (GhSafetensors) st = NULL;

  if (!path || !*path) {
    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "no model file was named");
    return NULL;
  }
  st = g_new0 (GhSafetensors, 1);
  st->fd = -1;
  st->path = g_strdup (path);
  st->shown = g_filename_display_name (path);
  st->tensors = g_array_new (FALSE, FALSE, sizeof (GhTensorInfo));
  g_array_set_clear_func (st->tensors, tensor_clear);
  st->by_name = g_hash_table_new (g_str_hash, g_str_equal);
  st->metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_mutex_init (&st->lock);
  if (!open_file (st, error) || !read_header (st, error))
    return NULL;
  return g_steal_pointer (&st);
}

const char *
gh_safetensors_path (GhSafetensors *st)
{
  return st->path;
}

static char *
hash_file (GhSafetensors *st, GError **error)
{
  enum { CHUNK = 1 << 20 };
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autofree guchar *chunk = g_malloc (CHUNK);
  guint64 size = st->stat.st_size;

  for (guint64 at = 0; at < size; at += CHUNK) {
    gsize n = MIN (CHUNK, size - at);

    if (!read_at (st, chunk, n, at, error))
      return NULL;
    g_checksum_update (sum, chunk, n);
  }
  return g_strndup (g_checksum_get_string (sum), 16);
}

const char *
gh_safetensors_id (GhSafetensors *st, GError **error)
{
  g_autoptr (GMutexLocker) locker = g_mutex_locker_new (&st->lock);

  if (!st->id)
    st->id = hash_file (st, error);
  return st->id;
}

const char *
gh_safetensors_metadata (GhSafetensors *st, const char *key)
{
  return g_hash_table_lookup (st->metadata, key);
}

GHashTable *
gh_safetensors_all_metadata (GhSafetensors *st)
{
  return st->metadata;
}

guint
gh_safetensors_n_tensors (GhSafetensors *st)
{
  return st->tensors->len;
}

const GhTensorInfo *
gh_safetensors_tensor (GhSafetensors *st, guint i)
{
  return i < st->tensors->len ? &g_array_index (st->tensors, GhTensorInfo, i) : NULL;
}

const GhTensorInfo *
gh_safetensors_find (GhSafetensors *st, const char *name)
{
  return g_hash_table_lookup (st->by_name, name);
}

static float
from_half (guint16 h)
{
  guint32 sign = (guint32) (h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
  union { guint32 u; float f; } bits;

  if (exponent == 0)            /* zero and subnormals: fraction * 2^-24 is exact in float */
    return (sign ? -1.0f : 1.0f) * (float) fraction * 0x1p-24f;
  bits.u = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13;
  return bits.f;
}

static float
from_single (guint32 u)
{
  union { guint32 u; float f; } bits = { .u = u };

  return bits.f;
}

static float
from_double (guint64 u)
{
  union { guint64 u; double d; } bits = { .u = u };

  return bits.d;
}

/* Unaligned little-endian words. */
static guint64
word (const guchar *p, int bytes)
{
  guint64 u = 0;

  memcpy (&u, p, bytes);
  return GUINT64_FROM_LE (u);
}

static void
convert (GhStDtype dtype, float *out, const guchar *raw, gsize count)
{
  switch (dtype) {
    case GH_ST_F64:
      for (gsize i = 0; i < count; i++)
        out[i] = from_double (word (raw + i * 8, 8));
      break;
    case GH_ST_F32:
      for (gsize i = 0; i < count; i++)
        out[i] = from_single (word (raw + i * 4, 4));
      break;
    case GH_ST_F16:
      for (gsize i = 0; i < count; i++)
        out[i] = from_half (word (raw + i * 2, 2));
      break;
    default:
      for (gsize i = 0; i < count; i++)
        out[i] = from_single ((guint32) word (raw + i * 2, 2) << 16);
      break;
  }
}

static gboolean
all_finite (GhSafetensors *st, const GhTensorInfo *tensor, const float *values, gsize count, gsize first,
    GError **error)
{
  for (gsize i = 0; i < count; i++) {
    if (isfinite (values[i]))
      continue;
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: tensor \"%s\" holds %s at element %" G_GSIZE_FORMAT
        "; only finite weights are of use", st->shown, tensor->name, isnan (values[i]) ? "NaN" : "an infinity",
        first + i);
    return FALSE;
  }
  return TRUE;
}

gboolean
gh_safetensors_read_f32 (GhSafetensors *st, const GhTensorInfo *tensor, float *out, gboolean finite, GError **error)
{
  guchar raw[16384];
  gsize width = gh_st_dtype_bytes (tensor->dtype), count = tensor->count;

  if (tensor->dtype > GH_ST_BF16) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: tensor \"%s\" is of type %s; weights must be F32, BF16, "
        "F16 or F64", st->shown, tensor->name, gh_safetensors_dtype_name (tensor->dtype));
    return FALSE;
  }
  if (tensor->dtype == GH_ST_F32 && G_BYTE_ORDER == G_LITTLE_ENDIAN)
    return read_at (st, out, tensor->bytes, st->data_start + tensor->offset, error)
        && (!finite || all_finite (st, tensor, out, count, 0, error));
  for (gsize done = 0; done < count;) {
    gsize n = MIN (count - done, sizeof raw / width);

    if (!read_at (st, raw, n * width, st->data_start + tensor->offset + done * width, error))
      return FALSE;
    convert (tensor->dtype, out + done, raw, n);
    if (finite && !all_finite (st, tensor, out + done, n, done, error))
      return FALSE;
    done += n;
  }
  return TRUE;
}
