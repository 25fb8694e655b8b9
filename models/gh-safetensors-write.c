/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-safetensors-write.c: writes safetensors files so that a crash, a full disk or a read-only folder leaves the old
 * file as it was. Whatever it writes, the strict reader accepts.
 */
#include "gh-safetensors-private.h"
#include "gh-error.h"
#include "gh-json.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is written: tensors in file order, and the header that describes them (size word and padding included). */
typedef struct {
  const GhTensorOut **order;
  guint n;
  GString *header;
} Plan;

static gboolean
refuse (GError **error, const char *path, const char *format, ...)
{
  g_autofree char *shown = g_filename_display_name (path), *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, GH_ERROR, GH_ERROR_WRITE, "%s: cannot be written: %s", shown, text);
  return FALSE;
}

static int
by_width_then_name (gconstpointer a, gconstpointer b)
{
  const GhTensorOut *x = *(const GhTensorOut **) a, *y = *(const GhTensorOut **) b;
  int wx = gh_st_dtype_bytes (x->dtype), wy = gh_st_dtype_bytes (y->dtype);

  return wx != wy ? wy - wx : strcmp (x->name, y->name);
}

static gboolean
check_tensor (const char *path, const GhTensorOut *tensor, gsize *bytes, GError **error)
{
  const char *problem = gh_st_name_problem (tensor->name);
  gint64 count;

  if (problem)
    return refuse (error, path, "a tensor with %s", problem);
  if (strcmp (tensor->name, "__metadata__") == 0)
    return refuse (error, path, "a tensor with the reserved name __metadata__");
  if (tensor->dtype != GH_ST_F32 && tensor->dtype != GH_ST_BF16)
    return refuse (error, path, "tensor \"%s\" is neither F32 nor BF16", tensor->name);
  if (tensor->rank < 0 || tensor->rank > GH_SAFETENSORS_MAX_RANK)
    return refuse (error, path, "tensor \"%s\" has %d dimensions", tensor->name, tensor->rank);
  if (!gh_st_shape_size (tensor->shape, tensor->rank, tensor->dtype, &count, bytes))
    return refuse (error, path, "the size of tensor \"%s\" overflows", tensor->name);
  return TRUE;
}

static gboolean
append_metadata (const char *path, GString *header, GHashTable *metadata, GError **error)
{
  g_autoptr (GList) keys = metadata ? g_hash_table_get_keys (metadata) : NULL;
  gboolean add_format = !metadata || !g_hash_table_contains (metadata, "format");

  if (metadata && g_hash_table_size (metadata) >= GH_ST_MAX_METADATA)
    return refuse (error, path, "more than %d metadata entries", GH_ST_MAX_METADATA - 1);
  if (add_format)
    keys = g_list_prepend (keys, (gpointer) "format");
  keys = g_list_sort (keys, (GCompareFunc) strcmp);
  g_string_append (header, "\"__metadata__\":{");
  for (GList *l = keys; l; l = l->next) {
    const char *key = l->data, *value = metadata ? g_hash_table_lookup (metadata, key) : NULL;
    const char *problem = gh_st_name_problem (key);

    if (!value)
      value = "pt";             /* only the format that was added has none */
    if (problem || !g_utf8_validate (value, -1, NULL))
      return refuse (error, path, "the metadata has %s", problem ? problem : "a value that is not UTF-8");
    gh_json_append_string (header, key);
    g_string_append_c (header, ':');
    gh_json_append_string (header, value);
    g_string_append_c (header, l->next ? ',' : '}');
  }
  return TRUE;
}

static void
append_tensor (GString *header, const GhTensorOut *tensor, guint64 begin, guint64 end)
{
  g_string_append_c (header, ',');
  gh_json_append_string (header, tensor->name);
  g_string_append_printf (header, ":{\"dtype\":\"%s\",\"shape\":[", gh_safetensors_dtype_name (tensor->dtype));
  for (int i = 0; i < tensor->rank; i++)
    g_string_append_printf (header, "%s%" G_GINT64_FORMAT, i ? "," : "", tensor->shape[i]);
  g_string_append_printf (header, "],\"data_offsets\":[%" G_GUINT64_FORMAT ",%" G_GUINT64_FORMAT "]}", begin, end);
}

static gboolean
check_duplicates (const Plan *plan, const char *path, GError **error)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < plan->n; i++)
    if (!g_hash_table_add (names, (gpointer) plan->order[i]->name))
      return refuse (error, path, "the tensor \"%s\" is there twice", plan->order[i]->name);
  return TRUE;
}

/* Fills plan->header. */
static gboolean
make_plan (Plan *plan, const char *path, GHashTable *metadata, GError **error)
{
  GString *header = plan->header;
  guint64 at = 0, size;

  if (plan->n > GH_ST_MAX_TENSORS)
    return refuse (error, path, "more than %d tensors", GH_ST_MAX_TENSORS);
  g_string_append_len (header, "\0\0\0\0\0\0\0\0{", 9);
  if (!append_metadata (path, header, metadata, error))
    return FALSE;
  for (guint i = 0; i < plan->n; i++) {
    const GhTensorOut *tensor = plan->order[i];
    gsize bytes;

    if (!check_tensor (path, tensor, &bytes, error))
      return FALSE;
    if (at + bytes > G_MAXINT64)
      return refuse (error, path, "more than 63 bits of data");
    append_tensor (header, tensor, at, at + bytes);
    at += bytes;
  }
  g_string_append_c (header, '}');
  while (header->len % 8 != 0)
    g_string_append_c (header, ' ');
  if (header->len - 8 > GH_ST_MAX_HEADER)
    return refuse (error, path, "a header of more than %d bytes", GH_ST_MAX_HEADER);
  size = GUINT64_TO_LE (header->len - 8);
  memcpy (header->str, &size, 8);
  return TRUE;
}

static gboolean
write_all (int fd, gconstpointer data, gsize size)
{
  while (size > 0) {
    gssize n = write (fd, data, MIN (size, 1 << 30));

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    data = (const char *) data + n;
    size -= n;
  }
  return TRUE;
}

/* Round to nearest, ties to even; NaN stays NaN. */
static guint16
to_bfloat (float value)
{
  union { float f; guint32 u; } bits = { .f = value };

  if ((bits.u & 0x7fffffff) > 0x7f800000)
    return bits.u >> 16 | 0x40;
  return (bits.u + 0x7fff + (bits.u >> 16 & 1)) >> 16;
}

static gboolean
write_tensor (int fd, const GhTensorOut *tensor)
{
  gint64 count;
  gsize bytes;
  guchar raw[16384];
  gsize width = gh_st_dtype_bytes (tensor->dtype);

  gh_st_shape_size (tensor->shape, tensor->rank, tensor->dtype, &count, &bytes);
  if (tensor->dtype == GH_ST_F32 && G_BYTE_ORDER == G_LITTLE_ENDIAN)
    return write_all (fd, tensor->data, bytes);
  for (gint64 done = 0; done < count;) {
    gsize n = MIN ((guint64) (count - done), sizeof raw / width);

    for (gsize i = 0; i < n; i++) {
      union { float f; guint32 u; } v = { .f = tensor->data[done + i] };
      guint32 u = tensor->dtype == GH_ST_BF16 ? to_bfloat (v.f) : v.u;

      for (gsize k = 0; k < width; k++)
        raw[i * width + k] = u >> (8 * k);
    }
    if (!write_all (fd, raw, n * width))
      return FALSE;
    done += n;
  }
  return TRUE;
}

static gboolean
write_content (int fd, const Plan *plan)
{
  if (!write_all (fd, plan->header->str, plan->header->len))
    return FALSE;
  for (guint i = 0; i < plan->n; i++)
    if (!write_tensor (fd, plan->order[i]))
      return FALSE;
  return fsync (fd) == 0;
}

/* After the rename: makes the new name itself durable. Some file systems cannot; the content is safe either way. */
static void
sync_folder (const char *folder)
{
  int fd = g_open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

  if (fd < 0)
    return;
  fsync (fd);
  close (fd);
}

/* A file in `folder` without a name, so that nothing is left of it when the process is killed; -1 where the file system
 * has no such thing, or no /proc shows it. */
static int
open_nameless (const char *folder)
{
#ifdef O_TMPFILE
  if (g_access ("/proc/self/fd", X_OK) == 0)
    return g_open (folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
#endif
  return -1;
}

/* Always the same name: if a process is killed between this and the renaming, the next one takes it over. */
static gboolean
name_file (int fd, const char *name)
{
  g_autofree char *self = g_strdup_printf ("/proc/self/fd/%d", fd);
  gboolean linked;

  while (!(linked = linkat (AT_FDCWD, self, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0) && errno == EEXIST
      && g_unlink (name) == 0)
    ;
  return linked;
}

static gboolean
replace_file (const char *path, const Plan *plan, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path), *base = g_path_get_basename (path);
  g_autofree char *hidden = g_strdup_printf (".%.200s.", base);
  g_autofree char *temporary = NULL;
  gboolean written, nameless;
  struct stat old;
  int fd, saved;

  if (g_stat (path, &old) != 0)
    old.st_mode = 0;
  else if (!S_ISREG (old.st_mode))
    return refuse (error, path, "something that is not a regular file has this name");
  fd = open_nameless (folder);
  nameless = fd >= 0;
  temporary = g_strconcat (folder, "/", hidden, nameless ? "new" : "XXXXXX", NULL);
  if (!nameless)
    fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0666);
  if (fd < 0)
    return refuse (error, path, "no file can be created in its folder: %s", g_strerror (errno));
  written = write_content (fd, plan) && (old.st_mode == 0 || fchmod (fd, old.st_mode & 0777) == 0)
      && (!nameless || name_file (fd, temporary));
  saved = errno;
  if (close (fd) != 0 && written) {
    written = FALSE;
    saved = errno;
  }
  if (written && g_rename (temporary, path) == 0) {
    sync_folder (folder);
    return TRUE;
  }
  if (written)
    saved = errno;
  g_unlink (temporary);
  return refuse (error, path, "%s", g_strerror (saved));
}

gboolean
gh_safetensors_write (const char *path, const GhTensorOut *tensors, guint n, GHashTable *metadata, GError **error)
{
  g_autofree const GhTensorOut **order = g_new0 (const GhTensorOut *, n + 1);
  g_autoptr (GString) header = g_string_new (NULL);
  Plan plan = { order, n, header };

  for (guint i = 0; i < n; i++)
    order[i] = &tensors[i];
  qsort (order, n, sizeof *order, by_width_then_name);
  return check_duplicates (&plan, path, error) && make_plan (&plan, path, metadata, error)
      && replace_file (path, &plan, error);
}
