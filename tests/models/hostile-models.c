/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * hostile-models.c: writes the files. The header of the sound file is taken apart once and put together again wrongly.
 */
#include "hostile-models.h"
#include "hostile-cases.h"

#include "models/gh-json.h"
#include "models/gh-mae-config.h"
#include "models/gh-mae-layout.h"
#include "models/gh-safetensors.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sound file, taken apart. */
typedef struct {
  const char *folder;
  GPtrArray *out;
  GhSafetensors *st;
  char *metadata, *first, *rest;        /* JSON entries */
  guint8 *data;
  gsize data_size;
} Kit;

static void
hostile_model_free (gpointer data)
{
  HostileModel *model = data;

  g_free (model->path);
  g_free (model);
}

/* Registers a defect and returns the path to write it to. */
static const char *
add (Kit *kit, const char *defect, const char *reason, gboolean format)
{
  HostileModel *model = g_new0 (HostileModel, 1);

  model->path = g_strdup_printf ("%s/%s.safetensors", kit->folder, defect);
  model->defect = defect;
  model->reason = reason;
  model->format = format;
  g_ptr_array_add (kit->out, model);
  return model->path;
}

/* size_word bytes are claimed, header[header_size] and data[data_size] follow. */
static void
write_file (const char *path, guint64 size_word, const char *header, gsize header_size, const void *data,
    gsize data_size)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GError) error = NULL;

  size_word = GUINT64_TO_LE (size_word);
  g_byte_array_append (bytes, (const guint8 *) &size_word, 8);
  g_byte_array_append (bytes, (const guint8 *) header, header_size);
  g_byte_array_append (bytes, data, data_size);
  g_file_set_contents_full (path, (const char *) bytes->data, bytes->len, G_FILE_SET_CONTENTS_NONE, 0644, &error);
  g_assert_no_error (error);
}

static char *
entry (const GhTensorInfo *tensor, gint64 shift)
{
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "\"%s\":{\"dtype\":\"%s\",\"shape\":[", tensor->name,
      gh_safetensors_dtype_name (tensor->dtype));
  for (int i = 0; i < tensor->rank; i++)
    g_string_append_printf (out, "%s%" G_GINT64_FORMAT, i ? "," : "", tensor->shape[i]);
  g_string_append_printf (out, "],\"data_offsets\":[%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT "]}",
      tensor->offset + (gsize) shift, tensor->offset + tensor->bytes + (gsize) shift);
  return g_string_free (out, FALSE);
}

/* Of the tensors first..last-1, each behind a comma. */
static char *
entries (const Kit *kit, guint first, guint last, gint64 shift)
{
  GString *out = g_string_new (NULL);

  for (guint i = first; i < last; i++) {
    g_autofree char *text = entry (gh_safetensors_tensor (kit->st, i), shift);

    g_string_append_printf (out, ",%s", text);
  }
  return g_string_free (out, FALSE);
}

/* The metadata entry with "config" replaced; NULL leaves it out. */
static char *
metadata_entry (const Kit *kit, const char *config)
{
  GString *out = g_string_new ("\"__metadata__\":{\"format\":\"pt\"");
  GHashTableIter iter;
  gpointer key, value;

  g_hash_table_iter_init (&iter, gh_safetensors_all_metadata (kit->st));
  while (g_hash_table_iter_next (&iter, &key, &value)) {
    if (g_str_equal (key, "format") || (g_str_equal (key, "config") && !config))
      continue;
    g_string_append_c (out, ',');
    gh_json_append_string (out, key);
    g_string_append_c (out, ':');
    gh_json_append_string (out, g_str_equal (key, "config") ? config : value);
  }
  g_string_append_c (out, '}');
  return g_string_free (out, FALSE);
}

static void
append_part (const Kit *kit, GString *out, char letter)
{
  const GhTensorInfo *tensor = gh_safetensors_tensor (kit->st, 0);

  switch (letter) {
    case 'M':
      g_string_append (out, kit->metadata);
      break;
    case 'F':
      g_string_append (out, kit->first);
      break;
    case 'R':
      g_string_append (out, kit->rest);
      break;
    case 'N':
      g_string_append (out, tensor->name);
      break;
    case 'U':
      g_string_append_printf (out, "\\u%04x%s", tensor->name[0], tensor->name + 1);
      break;
    case 'D':
      g_string_append (out, gh_safetensors_dtype_name (tensor->dtype));
      break;
    case 'S':
      for (int i = 0; i < tensor->rank; i++)
        g_string_append_printf (out, "%s%" G_GINT64_FORMAT, i ? "," : "", tensor->shape[i]);
      break;
    case 'B':
      g_string_append_printf (out, "%" G_GSIZE_FORMAT, tensor->offset);
      break;
    case 'E':
      g_string_append_printf (out, "%" G_GSIZE_FORMAT, tensor->offset + tensor->bytes);
      break;
    case 'L':
      for (int i = 0; i < 257; i++)
        g_string_append_c (out, 'n');
      break;
    case '0':
      g_string_append_c (out, '\0');
      break;
    default:
      g_assert_not_reached ();
  }
}

static GString *
expand (const Kit *kit, const char *template)
{
  GString *out = g_string_new (NULL);

  for (; *template; template++) {
    if (*template == '$')
      append_part (kit, out, *++template);
    else
      g_string_append_c (out, *template);
  }
  return out;
}

static void
write_header_cases (Kit *kit)
{
  for (guint i = 0; i < G_N_ELEMENTS (header_cases); i++) {
    const HeaderCase *c = &header_cases[i];
    GString *header = expand (kit, c->template);

    write_file (add (kit, c->defect, c->reason, TRUE), header->len, header->str, header->len, kit->data,
        kit->data_size);
    g_string_free (header, TRUE);
  }
}

/* The size word, and files cut at every place that means something. */
static void
write_size_cases (Kit *kit)
{
  GString *sound = expand (kit, "{$M,$F$R}");
  const char *h = sound->str;
  gsize n = sound->len, half = kit->data_size / 2;
  const struct { const char *defect; guint64 word; gsize header, data; const char *reason; } cases[] = {
    {"size-2-to-63", 1ull << 63, n, kit->data_size, "would have 9223372036854775808 bytes"},
    {"size-2-to-64-less-1", G_MAXUINT64, n, kit->data_size, "would have 18446744073709551615 bytes"},
    {"size-wraps-to-0", G_MAXUINT64 - 7, n, kit->data_size, "would have 18446744073709551608 bytes"},
    {"size-over-limit", (16 << 20) + 1, n, kit->data_size, "would have 16777217 bytes"},
    {"size-over-file", 1 << 20, n, 0, "the header should have 1048576 bytes"},
    {"size-one-over-file", n + 1, n, 0, "the header should have"},
    {"size-zero", 0, n, kit->data_size, "does not begin with an opening brace"},
    {"size-one-short", n - 1, n, kit->data_size, "the end of the text"},
    {"size-one-long", n + 1, n, kit->data_size, "bad header"},
    {"truncated-after-size", n, 0, 0, "the header should have"},
    {"truncated-in-header", n, n / 2, 0, "the header should have"},
    {"truncated-at-last-brace", n, n - 1, 0, "the header should have"},
    {"truncated-after-header", n, n, 0, "truncated"},
    {"truncated-in-data", n, n, half, "truncated"},
    {"truncated-by-one-byte", n, n, kit->data_size - 1, "truncated"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    write_file (add (kit, cases[i].defect, cases[i].reason, TRUE), cases[i].word, h, cases[i].header, kit->data,
        cases[i].data);
  g_string_free (sound, TRUE);
}

/* header is freed; data is padded with zeros to data_size. */
static void
write_generated (Kit *kit, const char *defect, const char *reason, gboolean format, char *header, gsize data_size)
{
  g_autofree guint8 *data = g_malloc0 (data_size + 1);

  memcpy (data, kit->data, MIN (data_size, kit->data_size));
  write_file (add (kit, defect, reason, format), strlen (header), header, strlen (header), data, data_size);
  g_free (header);
}

static char *
many (const char *intro, const char *pattern, int n, const char *outro)
{
  GString *out = g_string_new (intro);

  for (int i = 0; i < n; i++)
    g_string_append_printf (out, pattern, i);
  g_string_append (out, outro);
  return g_string_free (out, FALSE);
}

static void
write_layout_cases (Kit *kit)
{
  guint n = gh_safetensors_n_tensors (kit->st);
  g_autofree char *shifted = entries (kit, 0, n, 8), *rest = entries (kit, 1, n, 8), *pad = g_strnfill (17 << 20, ' ');

  write_generated (kit, "hole-at-start", "there is a hole", TRUE, g_strdup_printf ("{%s%s}", kit->metadata, shifted),
      kit->data_size + 8);
  write_generated (kit, "hole-between", "there is a hole", TRUE, g_strdup_printf ("{%s,%s%s}", kit->metadata,
      kit->first, rest), kit->data_size + 8);
  write_generated (kit, "trailing-byte", "bytes after the last tensor: 1", TRUE,
      g_strdup_printf ("{%s,%s%s}", kit->metadata, kit->first, kit->rest), kit->data_size + 1);
  write_generated (kit, "trailing-page", "bytes after the last tensor: 4096", TRUE,
      g_strdup_printf ("{%s,%s%s}", kit->metadata, kit->first, kit->rest), kit->data_size + 4096);
  write_generated (kit, "header-17-mebibytes", "its header would have", TRUE,
      g_strdup_printf ("{%s,%s%s%s}", kit->metadata, kit->first, kit->rest, pad), kit->data_size);
  write_generated (kit, "tensors-70000", "more than 65536 tensors", TRUE,
      many ("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}",
          ",\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", 70000, "}"), 0);
  write_generated (kit, "metadata-5000-entries", "more than 4096 entries", TRUE,
      many ("{\"__metadata__\":{\"a\":\"\"", ",\"%d\":\"\"", 5000, "}}"), 0);
  write_generated (kit, "nesting-100000", "expected an object, found an array", TRUE,
      many ("{\"a\":", "[", 100000, ""), 0);
  write_generated (kit, "nesting-objects", "unknown key", TRUE, many ("{", "\"a\":{", 100000, ""), 0);
}

static void
write_value (Kit *kit, const char *defect, const char *reason, gsize offset, float value)
{
  g_autofree guint8 *data = g_memdup2 (kit->data, kit->data_size);
  GString *header = expand (kit, "{$M,$F$R}");
  union { float f; guint32 u; } bits = { .f = value };

  bits.u = GUINT32_TO_LE (bits.u);
  memcpy (data + offset, &bits.u, 4);
  write_file (add (kit, defect, reason, TRUE), header->len, header->str, header->len, data, kit->data_size);
  g_string_free (header, TRUE);
}

static void
write_value_cases (Kit *kit)
{
  write_value (kit, "weight-nan", "holds NaN at element 0", 0, NAN);
  write_value (kit, "weight-nan-in-the-last", "holds NaN", kit->data_size - 4, -NAN);
  write_value (kit, "weight-infinite", "holds an infinity at element 1", 4, INFINITY);
  write_value (kit, "weight-minus-infinite", "holds an infinity", kit->data_size - 4, -INFINITY);
}

static void
write_bytes (Kit *kit, const char *defect, const char *reason, const void *bytes, gsize size)
{
  const char *path = add (kit, defect, reason, TRUE);
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (path, bytes, size, G_FILE_SET_CONTENTS_NONE, 0644, &error);
  g_assert_no_error (error);
}

/* Files of another kind under a model's name. */
static void
write_foreign_cases (Kit *kit)
{
  static const char zip[64] = "PK\3\4\24\0\10\10", zeros[64];
  static const char text[] = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n";
  static const guint8 gzip[32] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3 };
  guint8 noise[512];
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);

  for (guint i = 0; i < sizeof noise; i++)
    noise[i] = g_rand_int (rand);
  write_bytes (kit, "empty", "it is shorter than the 8 bytes", "", 0);
  write_bytes (kit, "one-byte", "it is shorter than the 8 bytes", "\1", 1);
  write_bytes (kit, "seven-bytes", "it is shorter than the 8 bytes", zeros, 7);
  write_bytes (kit, "eight-zeros", "does not begin with an opening brace", zeros, 8);
  write_bytes (kit, "zeros", "does not begin with an opening brace", zeros, sizeof zeros);
  write_bytes (kit, "zip-archive", "not a safetensors file", zip, sizeof zip);
  write_bytes (kit, "gzip-archive", "not a safetensors file", gzip, sizeof gzip);
  write_bytes (kit, "git-lfs-pointer", "not a safetensors file", text, sizeof text - 1);
  write_bytes (kit, "noise", "not a safetensors file", noise, sizeof noise);
}

static void
make_special_files (Kit *kit)
{
  g_assert_cmpint (g_mkdir (add (kit, "folder", "not a regular file", TRUE), 0755), ==, 0);
  g_assert_cmpint (mkfifo (add (kit, "named-pipe", "not a regular file", TRUE), 0644), ==, 0);
  g_assert_cmpint (symlink ("nowhere", add (kit, "link-to-nowhere", NULL, TRUE)), ==, 0);
  g_assert_cmpint (symlink ("link-to-itself.safetensors", add (kit, "link-to-itself", NULL, TRUE)), ==,
      0);
  g_assert_cmpint (symlink ("/dev/zero", add (kit, "link-to-a-device", "not a regular file", TRUE)), ==, 0);
}

/* config with the value of key replaced. */
static char *
edit_config (const char *config, const char *key, const char *value)
{
  g_autofree char *quoted = g_strdup_printf ("\"%s\":", key);
  const char *at = strstr (config, quoted), *end;

  g_assert_nonnull (at);
  at += strlen (quoted);
  end = at + strspn (at, " ");
  end += *end == '[' ? strcspn (end, "]") + 1 : strcspn (end, ",}");
  return g_strdup_printf ("%.*s%s%s", (int) (at - config), config, value, end);
}

static void
write_config (Kit *kit, const char *defect, const char *reason, const char *config)
{
  g_autofree char *metadata = metadata_entry (kit, config);

  write_generated (kit, defect, reason, FALSE, g_strdup_printf ("{%s,%s%s}", metadata, kit->first, kit->rest),
      kit->data_size);
}

static void
write_config_cases (Kit *kit)
{
  const char *config = gh_safetensors_metadata (kit->st, "config");
  g_autofree char *space = g_strnfill (1 << 20, ' ');
  g_autofree char *tall = edit_config (config, "height", "32768"), *large = edit_config (tall, "width", "32768");

  write_config (kit, "config-missing", NULL, NULL);
  write_config (kit, "config-empty", "expected an object", "");
  write_config (kit, "config-not-json", "expected an object", "height=32");
  write_config (kit, "config-array", "expected an object", "[]");
  write_config (kit, "config-empty-object", "\"height\" is missing", "{}");
  write_config (kit, "config-of-spaces", "expected an object", space);
  write_config (kit, "config-python", "expected a name in quotes", "{'height': 32}");
  for (guint i = 0; i < G_N_ELEMENTS (config_cases); i++) {
    g_autofree char *edited = edit_config (config, config_cases[i].key, config_cases[i].value);

    write_config (kit, config_cases[i].defect, config_cases[i].reason, edited);
  }
  write_config (kit, "config-too-many-tokens", "at most 65536", large);
}

/* The first matrix of the file. */
static guint
find_matrix (const Kit *kit)
{
  guint i = 0;

  while (gh_safetensors_tensor (kit->st, i)->rank != 2
      || gh_safetensors_tensor (kit->st, i)->shape[0] == gh_safetensors_tensor (kit->st, i)->shape[1])
    i++;
  return i;
}

/* Sound files whose tensors are not what the configuration asks for. */
static void
write_tensor_cases (Kit *kit)
{
  guint n = gh_safetensors_n_tensors (kit->st), m = find_matrix (kit);
  const GhTensorInfo *last = gh_safetensors_tensor (kit->st, n - 1), *matrix = gh_safetensors_tensor (kit->st, m);
  g_autofree char *before = entries (kit, 0, m, 0), *after = entries (kit, m + 1, n, 0);
  g_autofree char *but_last = entries (kit, 0, n - 1, 0);
  GhTensorInfo other = *matrix;
  const struct { const char *defect; int rank; gint64 a, b; } shapes[] = {
    {"tensor-transposed", 2, matrix->shape[1], matrix->shape[0]},
    {"tensor-flattened", 1, matrix->count, 0},
    {"tensor-row", 2, 1, matrix->count},
  };

  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++) {
    g_autofree char *text = NULL;

    other.rank = shapes[i].rank;
    other.shape[0] = shapes[i].a;
    other.shape[1] = shapes[i].b;
    text = entry (&other, 0);
    write_generated (kit, shapes[i].defect, NULL, FALSE, g_strdup_printf ("{%s%s,%s%s}", kit->metadata, before, text,
        after), kit->data_size);
  }
  write_generated (kit, "tensor-missing", NULL, FALSE, g_strdup_printf ("{%s%s}", kit->metadata, but_last),
      last->offset);
  write_generated (kit, "tensor-emptied", NULL, FALSE, g_strdup_printf ("{%s%s,\"%s\":{\"dtype\":\"F32\",\"shape\":[0],"
      "\"data_offsets\":[%" G_GSIZE_FORMAT ",%" G_GSIZE_FORMAT "]}}", kit->metadata, but_last, last->name, last->offset,
      last->offset), last->offset);
  write_generated (kit, "tensors-none", NULL, FALSE, g_strdup_printf ("{%s}", kit->metadata), 0);
}

static void
take_apart (Kit *kit, const char *base)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *bytes = NULL;
  gsize size, n = 0;

  kit->st = gh_safetensors_open (base, &error);
  g_assert_no_error (error);
  g_file_get_contents (base, &bytes, &size, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < gh_safetensors_n_tensors (kit->st); i++)
    n += gh_safetensors_tensor (kit->st, i)->bytes;
  kit->data = g_memdup2 (bytes + size - n, n);
  kit->data_size = n;
  kit->metadata = metadata_entry (kit, gh_safetensors_metadata (kit->st, "config"));
  kit->first = entry (gh_safetensors_tensor (kit->st, 0), 0);
  kit->rest = entries (kit, 1, gh_safetensors_n_tensors (kit->st), 0);
}

GPtrArray *
hostile_models_write (const char *folder, const char *base)
{
  Kit kit = { .folder = folder, .out = g_ptr_array_new_with_free_func (hostile_model_free) };

  take_apart (&kit, base);
  write_header_cases (&kit);
  write_size_cases (&kit);
  write_layout_cases (&kit);
  write_value_cases (&kit);
  write_foreign_cases (&kit);
  make_special_files (&kit);
  write_config_cases (&kit);
  write_tensor_cases (&kit);
  gh_safetensors_free (kit.st);
  g_free (kit.metadata);
  g_free (kit.first);
  g_free (kit.rest);
  g_free (kit.data);
  return kit.out;
}

void
hostile_models_write_base (const char *path)
{
  static const char *const config_text = "{\"height\": 32, \"width\": 48, \"patch\": 16, \"mean\": [0.5, 0.5, 0.5], "
      "\"std\": [0.2, 0.2, 0.2], \"dim\": 16, \"depth\": 1, \"heads\": 2, \"head_dim\": 8, \"mlp\": 24, \"conv\": 5, "
      "\"eps\": 1e-6, \"pool\": \"mean\", \"embedding\": 8, \"mask_ratio\": 0.5}";
  g_autoptr (GHashTable) metadata = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autoptr (GPtrArray) layout = NULL;
  g_autofree GhTensorOut *tensors = NULL;
  g_autoptr (GError) error = NULL;
  GhMaeConfig config;
  guint n = 0;

  gh_mae_config_from_json (&config, config_text, path, &error);
  g_assert_no_error (error);
  layout = gh_mae_layout (&config);
  tensors = g_new0 (GhTensorOut, layout->len);
  for (guint i = 0; i < layout->len; i++) {
    const GhParam *param = g_ptr_array_index (layout, i);
    float *data;

    if (param->optional)
      continue;
    data = g_new (float, gh_param_count (param));
    for (gint64 k = 0; k < gh_param_count (param); k++)
      data[k] = g_rand_double_range (rand, -0.5, 0.5);
    tensors[n++] = (GhTensorOut) { param->name, GH_ST_F32, param->rank, { param->shape[0], param->shape[1] }, data };
  }
  g_hash_table_insert (metadata, "config", (gpointer) config_text);
  gh_safetensors_write (path, tensors, n, metadata, &error);
  g_assert_no_error (error);
  while (n > 0)
    g_free ((float *) tensors[--n].data);
}
