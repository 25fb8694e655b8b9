/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-safetensors.c: what is sound is read to the bit; whatever is not is refused in words, and no file, however
 * broken, crashes the reader.
 */
#include "models/gh-mae-config.h"

#include "hostile-models.h"
#include "safetensors-util.h"
#include "temp-folder.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* header and data to a file. */
static char *
write_raw (const char *folder, const char *name, const char *header, const void *data, gsize size)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint64 n = GUINT64_TO_LE (strlen (header));
  char *path = g_build_filename (folder, name, NULL);

  g_byte_array_append (bytes, (const guint8 *) &n, 8);
  g_byte_array_append (bytes, (const guint8 *) header, strlen (header));
  g_byte_array_append (bytes, data, size);
  g_assert_true (g_file_set_contents (path, (const char *) bytes->data, bytes->len, NULL));
  return path;
}

/* ---- hostile files ------------------------------------------------------------------------------------- */

static void
test_hostile (void)
{
  g_autofree char *folder = temp_folder_new (), *base = g_build_filename (folder, "base.safetensors", NULL);
  g_autoptr (GPtrArray) models = NULL;
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GError) sound = NULL;
  guint format = 0;

  hostile_models_write_base (base);
  read_all (base, &sound);
  g_assert_no_error (sound);
  models = hostile_models_write (folder, base);
  for (guint i = 0; i < models->len; i++) {
    HostileModel *model = g_ptr_array_index (models, i);
    g_autoptr (GError) error = NULL;

    g_assert_true (g_hash_table_add (names, (gpointer) model->defect));
    read_all (model->path, &error);
    if (model->format)
      assert_refused (model->path, model->defect, model->reason, error);
    else
      g_assert_no_error (error);
    format += model->format;
  }
  g_test_message ("%u files, %u of them no sound safetensors", models->len, format);
  g_assert_cmpuint (format, >=, 60);
  temp_folder_remove (folder);
}

/* Sound files whose configuration is not. */
static void
test_hostile_config (void)
{
  g_autofree char *folder = temp_folder_new (), *base = g_build_filename (folder, "base.safetensors", NULL);
  g_autoptr (GPtrArray) models = NULL;
  guint checked = 0;

  hostile_models_write_base (base);
  models = hostile_models_write (folder, base);
  for (guint i = 0; i < models->len; i++) {
    HostileModel *model = g_ptr_array_index (models, i);
    g_autoptr (GhSafetensors) st = NULL;
    g_autoptr (GError) error = NULL;
    GhMaeConfig config;

    if (model->format || !model->reason)
      continue;
    st = gh_safetensors_open (model->path, &error);
    g_assert_no_error (error);
    gh_mae_config_from_json (&config, gh_safetensors_metadata (st, "config"), model->path, &error);
    assert_refused (model->path, model->defect, model->reason, error);
    checked++;
  }
  g_assert_cmpuint (checked, >=, 30);
  temp_folder_remove (folder);
}

static void
test_absent (void)
{
  g_autoptr (GError) none = NULL, empty = NULL, beneath = NULL;

  g_assert_null (gh_safetensors_open ("/nowhere/people.safetensors", &none));
  g_assert_error (none, GH_ERROR, GH_ERROR_NOT_FOUND);
  g_assert_nonnull (strstr (none->message, "/nowhere/people.safetensors"));
  g_assert_null (gh_safetensors_open ("", &empty));
  g_assert_error (empty, GH_ERROR, GH_ERROR_NOT_FOUND);
  g_assert_null (gh_safetensors_open ("/dev/null/x.safetensors", &beneath));
  g_assert_error (beneath, GH_ERROR, GH_ERROR_NOT_FOUND);
}

/* The superuser reads everything, so he steps down for a moment. */
static void
test_forbidden (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "base.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  gboolean root = geteuid () == 0;

  hostile_models_write_base (path);
  g_assert_cmpint (g_chmod (path, 0000), ==, 0);
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  if (root && seteuid (65534) != 0) {
    g_test_skip ("cannot step down from the superuser");
  } else {
    g_assert_null (gh_safetensors_open (path, &error));
    if (root)
      g_assert_cmpint (seteuid (0), ==, 0);
    g_assert_error (error, GH_ERROR, GH_ERROR_OPEN);
    assert_refused (path, "forbidden", "Permission denied", error);
  }
  temp_folder_remove (folder);
}

/* The file changes between opening and reading. */
static void
test_changes (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "base.safetensors", NULL);
  const struct { const char *what; off_t size; } cases[] = { {"shrinks", 700}, {"to nothing", 0}, {"grows", 1 << 16} };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GhSafetensors) st = NULL;
    g_autoptr (GError) error = NULL, id_error = NULL;
    const GhTensorInfo *tensor;
    g_autofree float *values = NULL;

    hostile_models_write_base (path);
    st = gh_safetensors_open (path, &error);
    g_assert_no_error (error);
    tensor = gh_safetensors_tensor (st, gh_safetensors_n_tensors (st) - 1);
    values = g_new (float, tensor->count);
    g_assert_cmpint (truncate (path, cases[i].size), ==, 0);
    g_assert_false (gh_safetensors_read_f32 (st, tensor, values, TRUE, &error));
    assert_refused (path, cases[i].what, "was changed while it was being read", error);
    g_assert_null (gh_safetensors_id (st, &id_error));
    assert_refused (path, cases[i].what, "was changed while it was being read", id_error);
  }
  temp_folder_remove (folder);
}

static char
mutant_byte (GRand *rand)
{
  static const char json[] = "{}[]\",:0129-.\\eu \n";

  switch (g_rand_int_range (rand, 0, 8)) {
    case 0:
      return g_rand_int_range (rand, 0, 256);
    case 1:
    case 2:
      return g_rand_int_range (rand, 0x20, 0x7f);
    default:
      return json[g_rand_int_range (rand, 0, sizeof json - 1)];
  }
}

/* Seeded damage anywhere: refused or accepted, never more. */
static void
test_mutations (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "mutant.safetensors", NULL);
  g_autofree char *base = NULL;
  g_autoptr (GRand) rand = g_rand_new_with_seed (20240607);
  gsize size;
  guint refused = 0;

  hostile_models_write_base (path);
  base = contents (path, &size);
  for (int round = 0; round < 2000; round++) {
    g_autofree char *bytes = g_memdup2 (base, size);
    gsize length = round % 8 == 0 ? (gsize) g_rand_int_range (rand, 0, size) : size;
    gsize header = 8 + GUINT64_FROM_LE (*(const guint64 *) base);
    int edits = g_rand_int_range (rand, 1, 5);
    g_autoptr (GError) error = NULL;

    for (int i = 0; i < edits; i++) {
      /* Mostly the header: the data is but numbers. */
      gsize at = g_rand_int_range (rand, 0, i % 4 == 3 ? size : header);

      bytes[at] = mutant_byte (rand);
    }
    g_assert_true (g_file_set_contents_full (path, bytes, length, G_FILE_SET_CONTENTS_NONE, 0644, NULL));
    if (!read_all (path, &error)) {
      assert_refused (path, "mutant", NULL, error);
      refused++;
    }
  }
  g_test_message ("%u of 2000 refused", refused);
  g_assert_cmpuint (refused, >, 1000);
  temp_folder_remove (folder);
}

/* ---- sound files ---------------------------------------------------------------------------------------- */

static void
test_accepts (void)
{
  static const guint8 data[16] = { 0, 0, 0x80, 0x3f, 1, 2 };
  static const char *const headers[] = {
    "{}",
    "{}        ",
    "{ \"__metadata__\" : { } }\n",
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}",
    "{\"a\":{\"data_offsets\":[0,4],\"shape\":[1,1],\"dtype\":\"F32\"}}",
    "{\t\"b\" : {\"dtype\":\"U8\" , \"shape\":[ 2 ], \"data_offsets\" : [ 4 , 6 ]},\r\n"
        " \"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    "{\"e\":{\"dtype\":\"I64\",\"shape\":[3,0,5],\"data_offsets\":[4,4]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
        "\"z\":{\"dtype\":\"BOOL\",\"shape\":[0],\"data_offsets\":[0,0]}}",
    "{\"\\u00e4\\ud83d\\ude00\\/\\\"\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
    "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}",
    "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[4],\"data_offsets\":[0,4]}}",
    "{\"a\":{\"dtype\":\"U32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
  };
  const gsize sizes[] = { 0, 0, 0, 4, 4, 6, 4, 4, 4, 4, 4 };
  g_autofree char *folder = temp_folder_new ();

  for (guint i = 0; i < G_N_ELEMENTS (headers); i++) {
    g_autofree char *path = write_raw (folder, "sound.safetensors", headers[i], data, sizes[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (GhSafetensors) st = gh_safetensors_open (path, &error);

    g_assert_no_error (error);
    g_assert_nonnull (gh_safetensors_id (st, NULL));
    if (i == 7)
      g_assert_nonnull (gh_safetensors_find (st, "ä😀/\""));
    if (i == 6)
      g_assert_cmpstr (gh_safetensors_tensor (st, 0)->name, ==, "z");
  }
  temp_folder_remove (folder);
}

/* All values of the 16-bit types, against arithmetic. */
static void
test_halves (void)
{
  static const char header[] = "{\"b\":{\"dtype\":\"BF16\",\"shape\":[65536],\"data_offsets\":[0,131072]},"
      "\"h\":{\"dtype\":\"F16\",\"shape\":[256,256],\"data_offsets\":[131072,262144]}}";
  g_autofree guint16 *data = g_new (guint16, 2 * 65536);
  g_autofree float *b = g_new (float, 65536), *h = g_new (float, 65536);
  g_autofree char *folder = temp_folder_new (), *path = NULL;
  g_autoptr (GhSafetensors) st = NULL;
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 65536; i++)
    data[i] = data[65536 + i] = GUINT16_TO_LE (i);
  path = write_raw (folder, "halves.safetensors", header, data, 2 * 131072);
  st = gh_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_true (gh_safetensors_read_f32 (st, gh_safetensors_find (st, "b"), b, FALSE, &error));
  g_assert_true (gh_safetensors_read_f32 (st, gh_safetensors_find (st, "h"), h, FALSE, &error));
  for (int i = 0; i < 65536; i++) {
    int e = i >> 10 & 31, f = i & 1023, sign = i & 0x8000 ? -1 : 1;
    float want = e == 31 ? (f ? NAN : INFINITY) : e == 0 ? ldexpf (f, -24) : ldexpf (1024 + f, e - 25);
    int be = i >> 7 & 255, bf = i & 127;
    float bwant = be == 255 ? (bf ? NAN : INFINITY) : be == 0 ? ldexpf (bf, -133) : ldexpf (128 + bf, be - 134);

    g_assert_true (isnan (want) ? isnan (h[i]) : h[i] == sign * want && !signbit (h[i]) == (sign > 0));
    g_assert_true (isnan (bwant) ? isnan (b[i]) : b[i] == sign * bwant && !signbit (b[i]) == (sign > 0));
  }
  g_assert_false (gh_safetensors_read_f32 (st, gh_safetensors_find (st, "h"), h, TRUE, &error));
  assert_refused (path, "infinite half", "tensor \"h\" holds an infinity at element 31744", error);
  temp_folder_remove (folder);
}

static void
test_doubles (void)
{
  static const char header[] = "{\"d\":{\"dtype\":\"F64\",\"shape\":[4],\"data_offsets\":[0,32]}}";
  double data[4] = { 1.0 / 3, -0.0, 1e-300, 1e300 };
  float values[4];
  g_autofree char *folder = temp_folder_new (), *path = write_raw (folder, "d.safetensors", header, data, 32);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhSafetensors) st = gh_safetensors_open (path, &error);

  g_assert_true (gh_safetensors_read_f32 (st, gh_safetensors_tensor (st, 0), values, FALSE, &error));
  g_assert_true (values[0] == 1.0f / 3 && values[1] == 0 && signbit (values[1]) && values[2] == 0 && isinf (values[3]));
  g_assert_false (gh_safetensors_read_f32 (st, gh_safetensors_tensor (st, 0), values, TRUE, &error));
  assert_refused (path, "double too large", "at element 3", error);
  temp_folder_remove (folder);
}

static void
test_id (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "base.safetensors", NULL);
  g_autofree char *bytes = NULL, *sum = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GhSafetensors) st = NULL;
  gsize size;

  hostile_models_write_base (path);
  bytes = contents (path, &size);
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (guchar *) bytes, size);
  sum[16] = '\0';
  st = gh_safetensors_open (path, &error);
  g_assert_cmpstr (gh_safetensors_id (st, &error), ==, sum);
  g_assert_true (gh_safetensors_id (st, &error) == gh_safetensors_id (st, &error));
  temp_folder_remove (folder);
}

/* The file the reference script made, where it is at hand. */
static void
test_golden (void)
{
  const char *shared = g_getenv ("GST_HEADS_SHARED");
  g_autofree char *path = g_build_filename (shared ? shared : ".", "reference", "tiny.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhSafetensors) st = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS)) {
    g_test_skip ("no reference/tiny.safetensors in $GST_HEADS_SHARED");
    return;
  }
  st = gh_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (gh_safetensors_n_tensors (st), ==, 179);
  g_assert_cmpint (gh_safetensors_find (st, "out.embedding")->shape[1], ==, 48);
  g_assert_true (read_all (path, &error));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/safetensors/hostile", test_hostile);
  g_test_add_func ("/safetensors/hostile-config", test_hostile_config);
  g_test_add_func ("/safetensors/absent", test_absent);
  g_test_add_func ("/safetensors/forbidden", test_forbidden);
  g_test_add_func ("/safetensors/changes", test_changes);
  g_test_add_func ("/safetensors/mutations", test_mutations);
  g_test_add_func ("/safetensors/accepts", test_accepts);
  g_test_add_func ("/safetensors/halves", test_halves);
  g_test_add_func ("/safetensors/doubles", test_doubles);
  g_test_add_func ("/safetensors/id", test_id);
  g_test_add_func ("/safetensors/golden", test_golden);
  return g_test_run ();
}
