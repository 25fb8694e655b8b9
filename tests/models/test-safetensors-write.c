/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-safetensors-write.c: what is written reads back, the same content gives the same bytes, and a write that fails
 * or is killed leaves the old file as it was.
 */
#include "hostile-models.h"
#include "safetensors-util.h"
#include "temp-folder.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const float numbers[] = { 0, -0.0f, 1, -1.5f, 1e-40f, 3.4e38f, 1.0f / 3, 65504, 1.00390625f, 1.01171875f };

static GHashTable *
sample_metadata (void)
{
  GHashTable *metadata = g_hash_table_new (g_str_hash, g_str_equal);

  g_hash_table_insert (metadata, "config", "{\"dim\": 16}");
  g_hash_table_insert (metadata, "unit", "Grüße \"\\\b\f\n\r\t\x01\x7f 😀");
  g_hash_table_insert (metadata, "empty", "");
  return metadata;
}

static const GhTensorOut sample[] = {
  {"b", GH_ST_BF16, 2, {2, 5}, numbers},
  {"scalar", GH_ST_F32, 0, {0}, numbers + 3},
  {"a.weight", GH_ST_F32, 2, {5, 2}, numbers},
  {"none", GH_ST_F32, 3, {4, 0, 7}, numbers},
  {"ä \"quoted\"\\", GH_ST_F32, 1, {10}, numbers},
};

static void
test_round_trip (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "new.safetensors", NULL);
  g_autofree char *first = NULL, *second = NULL;
  g_autoptr (GHashTable) metadata = sample_metadata ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GhSafetensors) st = NULL;
  static const char *const order[] = { "a.weight", "none", "scalar", "ä \"quoted\"\\", "b" };
  gsize size, size_again;
  float values[10];

  g_assert_true (gh_safetensors_write (path, sample, G_N_ELEMENTS (sample), metadata, &error));
  first = contents (path, &size);
  g_assert_true (gh_safetensors_write (path, sample, G_N_ELEMENTS (sample), metadata, &error));
  second = contents (path, &size_again);
  g_assert_cmpmem (first, size, second, size_again);
  g_assert_cmpuint (GUINT64_FROM_LE (*(guint64 *) first) % 8, ==, 0);

  st = gh_safetensors_open (path, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (order); i++) {
    g_assert_cmpstr (gh_safetensors_tensor (st, i)->name, ==, order[i]);
    g_assert_true (gh_safetensors_find (st, order[i]) == gh_safetensors_tensor (st, i));
  }
  g_assert_cmpint (gh_safetensors_find (st, "scalar")->count, ==, 1);
  g_assert_cmpint (gh_safetensors_find (st, "none")->count, ==, 0);
  g_assert_true (gh_safetensors_read_f32 (st, gh_safetensors_find (st, "none"), values, TRUE, &error));
  g_assert_true (gh_safetensors_read_f32 (st, gh_safetensors_find (st, "a.weight"), values, TRUE, &error));
  g_assert_cmpmem (values, sizeof values, numbers, sizeof numbers);
  g_assert_true (gh_safetensors_read_f32 (st, gh_safetensors_find (st, "ä \"quoted\"\\"), values, TRUE, &error));
  g_assert_cmpmem (values, sizeof values, numbers, sizeof numbers);
  g_assert_cmpstr (gh_safetensors_metadata (st, "unit"), ==, g_hash_table_lookup (metadata, "unit"));
  g_assert_cmpstr (gh_safetensors_metadata (st, "empty"), ==, "");
  g_assert_cmpstr (gh_safetensors_metadata (st, "format"), ==, "pt");
  g_assert_null (gh_safetensors_metadata (st, "other"));
  temp_folder_remove (folder);
}

/* Round to nearest, ties to even; what overflows becomes infinite, NaN stays NaN. */
static void
test_bfloat (void)
{
  const float in[] = { 1.00390625f, 1.01171875f, 1.0039065f, -1.00390625f, 3.4e38f, -INFINITY, NAN, 1e-40f };
  const float want[] = { 1.0f, 1.015625f, 1.0078125f, -1.0f, INFINITY, -INFINITY, NAN, 0x1.6p-133f };
  const GhTensorOut tensor = { "x", GH_ST_BF16, 1, {8}, in };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "bf16.safetensors", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhSafetensors) st = NULL;
  float out[8];

  g_assert_true (gh_safetensors_write (path, &tensor, 1, NULL, &error));
  st = gh_safetensors_open (path, &error);
  g_assert_true (gh_safetensors_read_f32 (st, gh_safetensors_tensor (st, 0), out, FALSE, &error));
  for (int i = 0; i < 7; i++)
    g_assert_true (isnan (want[i]) ? isnan (out[i]) : out[i] == want[i]);
  g_assert_cmpfloat_with_epsilon (out[7], in[7], 0x1p-134f);
  temp_folder_remove (folder);
}

static void
test_write_refuses (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  const struct { const char *what; GhTensorOut tensors[2]; const char *reason; } cases[] = {
    {"twice", {{"a", GH_ST_F32, 1, {1}, numbers}, {"a", GH_ST_BF16, 1, {1}, numbers}}, "twice"},
    {"reserved", {{"__metadata__", GH_ST_F32, 1, {1}, numbers}, {"b", GH_ST_F32, 1, {1}, numbers}}, "reserved"},
    {"type", {{"a", GH_ST_I32, 1, {1}, numbers}, {"b", GH_ST_F32, 1, {1}, numbers}}, "neither"},
    {"rank", {{"a", GH_ST_F32, 9, {1}, numbers}, {"b", GH_ST_F32, 1, {1}, numbers}}, "9 dimensions"},
    {"negative", {{"a", GH_ST_F32, 1, {-1}, numbers}, {"b", GH_ST_F32, 1, {1}, numbers}}, "overflows"},
    {"control", {{"a\n", GH_ST_F32, 1, {1}, numbers}, {"b", GH_ST_F32, 1, {1}, numbers}}, "control character"},
    {"utf-8", {{"a\xff", GH_ST_F32, 1, {1}, numbers}, {"b", GH_ST_F32, 1, {1}, numbers}}, "UTF-8"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_safetensors_write (path, cases[i].tensors, 2, NULL, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_WRITE);
    assert_refused (path, cases[i].what, cases[i].reason, error);
    g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  }
  temp_folder_remove (folder);
}

static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir))
    n++;
  return n;
}

/* Writes 4 MiB over a sound file and expects that to fail without a trace. */
static void
assert_write_fails (const char *folder, const char *path, const char *reason)
{
  g_autofree float *large = g_new0 (float, 1 << 20);
  const GhTensorOut tensor = { "large", GH_ST_F32, 1, {1 << 20}, large };
  g_autofree char *before = NULL, *after = NULL;
  g_autoptr (GError) error = NULL;
  guint files = count_files (folder);
  gsize size, size_after;

  before = contents (path, &size);
  g_assert_false (gh_safetensors_write (path, &tensor, 1, NULL, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_WRITE);
  assert_refused (path, "writing", reason, error);
  after = contents (path, &size_after);
  g_assert_cmpmem (before, size, after, size_after);
  g_assert_cmpuint (count_files (folder), ==, files);
}

static void
test_write_full (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "old.safetensors", NULL);
  struct rlimit old, small;

  hostile_models_write_base (path);
  getrlimit (RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 1 << 20;
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &small), ==, 0);
  assert_write_fails (folder, path, "File too large");
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
  temp_folder_remove (folder);
}

static void
test_write_forbidden (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "old.safetensors", NULL);
  gboolean root = geteuid () == 0;

  hostile_models_write_base (path);
  g_assert_cmpint (g_chmod (folder, 0555), ==, 0);
  if (root && seteuid (65534) != 0) {
    g_test_skip ("cannot step down from the superuser");
  } else {
    assert_write_fails (folder, path, "no file can be created in its folder");
    if (root)
      g_assert_cmpint (seteuid (0), ==, 0);
  }
  g_assert_cmpint (g_chmod (folder, 0755), ==, 0);
  temp_folder_remove (folder);
}

/* Where something else than a file has the name, and where there is no folder. */
static void
test_write_elsewhere (void)
{
  g_autofree char *folder = temp_folder_new (), *pipe = g_build_filename (folder, "pipe", NULL);
  const char *const paths[] = { pipe, folder, "/nowhere/x.safetensors" };
  struct stat st;

  g_assert_cmpint (mkfifo (pipe, 0644), ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (paths); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_safetensors_write (paths[i], sample, 1, NULL, &error));
    assert_refused (paths[i], "elsewhere", i < 2 ? "not a regular file" : "no file can be created", error);
  }
  g_assert_true (g_stat (pipe, &st) == 0 && S_ISFIFO (st.st_mode));
  temp_folder_remove (folder);
}

/* A new file follows the umask, an old one keeps its permissions. */
static void
test_write_permissions (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  mode_t mask = umask (0027);
  struct stat st;

  g_assert_true (gh_safetensors_write (path, sample, 1, NULL, NULL));
  g_assert_true (g_stat (path, &st) == 0 && (st.st_mode & 0777) == 0640);
  g_assert_cmpint (g_chmod (path, 0604), ==, 0);
  g_assert_true (gh_safetensors_write (path, sample, 1, NULL, NULL));
  g_assert_true (g_stat (path, &st) == 0 && (st.st_mode & 0777) == 0604);
  umask (mask);
  temp_folder_remove (folder);
}

/* A writer killed at any moment leaves a whole file, old or new. */
static void
test_write_killed (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autofree float *large = g_new0 (float, 1 << 19);
  const GhTensorOut tensor = { "large", GH_ST_F32, 1, {1 << 19}, large };

  g_assert_true (gh_safetensors_write (path, &tensor, 1, NULL, NULL));
  for (int i = 0; i < 12; i++) {
    g_autoptr (GError) error = NULL;
    pid_t child = fork ();

    if (child == 0)
      for (;;)
        gh_safetensors_write (path, &tensor, 1, NULL, NULL);
    g_usleep (1000 + 1700 * i);
    kill (child, SIGKILL);
    g_assert_cmpint (waitpid (child, NULL, 0), ==, child);
    read_all (path, &error);
    g_assert_no_error (error);
  }
  temp_folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/safetensors-write/round-trip", test_round_trip);
  g_test_add_func ("/safetensors-write/bfloat", test_bfloat);
  g_test_add_func ("/safetensors-write/refuses", test_write_refuses);
  g_test_add_func ("/safetensors-write/full", test_write_full);
  g_test_add_func ("/safetensors-write/forbidden", test_write_forbidden);
  g_test_add_func ("/safetensors-write/elsewhere", test_write_elsewhere);
  g_test_add_func ("/safetensors-write/permissions", test_write_permissions);
  g_test_add_func ("/safetensors-write/killed", test_write_killed);
  return g_test_run ();
}
