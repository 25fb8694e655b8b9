/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-head-hostile.c: head files that must be refused, with words that name the file and the reason.
 */
#include "models/gh-head.h"
#include "models/gh-safetensors.h"

#include "hostile-models.h"
#include "temp-folder.h"

#include <math.h>
#include <string.h>

#define ID "0123456789abcdef"

/* What a head file needs, and per case one thing changed. */
static GHashTable *
sound_metadata (void)
{
  GHashTable *metadata = g_hash_table_new (g_str_hash, g_str_equal);
  static const char *const pairs[] = { "format_version", "1", "task", "people", "kind", "count", "unit", "",
    "encoder_id", ID, "encoder_file", "tiny.safetensors", "embedding", "4" };

  for (guint i = 0; i < G_N_ELEMENTS (pairs); i += 2)
    g_hash_table_insert (metadata, (gpointer) pairs[i], (gpointer) pairs[i + 1]);
  return metadata;
}

static const float fours[] = { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f, 0.7f, 0.8f }, with_nan[] = { 1, NAN, 1, 1 };
static const float with_zero[] = { 1, 1, 0, 1 };
static const GhTensorOut sound_tensors[] = {
  {"input.mean", GH_ST_F32, 1, {4}, fours}, {"input.std", GH_ST_F32, 1, {4}, fours},
  {"fc1.weight", GH_ST_F32, 2, {1, 4}, fours}, {"fc1.bias", GH_ST_F32, 1, {1}, fours},
};

static void
assert_refused (const char *path, GHashTable *metadata, const GhTensorOut *tensors, guint n, const char *reason)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (gh_safetensors_write (path, tensors, n, metadata, NULL));
  g_assert_null (gh_head_load (path, &error));
  g_assert_nonnull (error);
  g_test_message ("%s", error->message);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  if (!strstr (error->message, reason) || !g_str_has_prefix (error->message, path))
    g_error ("\"%s\" lacks \"%s\"", error->message, reason);
}

static void
test_metadata (void)
{
  static const struct { const char *key, *value, *reason; } cases[] = {
    {"format_version", NULL, "no \"format_version\""}, {"format_version", "2", "format_version \"2\""},
    {"kind", NULL, "no \"kind\""}, {"kind", "counts", "unknown kind \"counts\""},
    {"kind", "\033[2J", "unknown kind \"?[2J\""}, {"kind", "twentyfour-letters-€ and more", "unknown kind"},
    {"kind", "time", "needs 2"}, {"kind", "class", "0 classes"}, {"task", NULL, "no \"task\""},
    {"task", "", "an empty name"}, {"task", "a\nb", "control character"},
    {"unit", "\033[2J", "control character"},
    {"encoder_id", NULL, "no \"encoder_id\""}, {"encoder_id", "0123", "16 hexadecimal"},
    {"encoder_id", "0123456789ABCDEF", "16 hexadecimal"}, {"encoder_file", NULL, "no \"encoder_file\""},
    {"encoder_file", "", "an empty name"},
    {"embedding", NULL, "no \"embedding\""}, {"embedding", "5", "disagree"}, {"embedding", "4.0", "disagree"},
    {"classes", "[\"a\"]", "only heads of kind \"class\""}, {"classes", "{}", "expected an array"},
    {"classes", "[\"a\",]", "expected a string"}, {"classes", "[[]]", "expected a string"},
    {"classes", "[\"a\"] x", "follows the JSON text"},
  };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GHashTable) metadata = sound_metadata ();

    if (cases[i].value)
      g_hash_table_insert (metadata, (gpointer) cases[i].key, (gpointer) cases[i].value);
    else
      g_hash_table_remove (metadata, cases[i].key);
    assert_refused (path, metadata, sound_tensors, 4, cases[i].reason);
  }
  temp_folder_remove (folder);
}

/* Two numbers for each of up to twelve harmonics. */
static void
test_times (void)
{
  static const struct { int outputs; gboolean good; } cases[] = {
    { 1 }, { 2, TRUE }, { 3 }, { 4, TRUE }, { 23 }, { 24, TRUE }, { 25 }, { 26 }, { 8192 }
  };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autofree float *numbers = g_new0 (float, 4 * 8192);
  g_autoptr (GHashTable) metadata = sound_metadata ();

  g_hash_table_insert (metadata, "kind", "time");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const GhTensorOut tensors[] = { sound_tensors[0], sound_tensors[1], {"fc1.weight", GH_ST_F32, 2, {cases[i].outputs, 4},
        numbers}, {"fc1.bias", GH_ST_F32, 1, {cases[i].outputs}, numbers} };
    g_autoptr (GhHead) head = NULL;

    if (!cases[i].good) {
      assert_refused (path, metadata, tensors, 4, "needs 2 or more, 2 at a time, up to 24");
      continue;
    }
    g_assert_true (gh_safetensors_write (path, tensors, 4, metadata, NULL));
    head = gh_head_load (path, NULL);
    g_assert_nonnull (head);
  }
  temp_folder_remove (folder);
}

static void
test_classes (void)
{
  static const struct { const char *json, *reason; } cases[] = {
    {"[]", "0 classes"}, {"[\"a\"]", "1 classes"}, {"[\"a\",\"a\"]", "twice"}, {"[\"a\",\"\"]", "an empty name"},
    {"[\"a\",\"\\u0007\"]", "control character"}, {"[\"a\",\"b\",\"c\"]", "needs 3"},
  };
  const GhTensorOut tensors[] = { sound_tensors[0], sound_tensors[1], {"fc1.weight", GH_ST_F32, 2, {2, 4}, fours},
    {"fc1.bias", GH_ST_F32, 1, {2}, fours} };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autoptr (GHashTable) metadata = sound_metadata ();
  g_autoptr (GString) many = g_string_new ("[\"a\"");
  g_autoptr (GhHead) head = NULL;

  g_hash_table_insert (metadata, "kind", "class");
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_hash_table_insert (metadata, "classes", (gpointer) cases[i].json);
    assert_refused (path, metadata, tensors, 4, cases[i].reason);
  }
  for (int i = 0; i < 2000; i++)
    g_string_append_printf (many, ",\"%d\"", i);
  g_string_append_c (many, ']');
  g_hash_table_insert (metadata, "classes", many->str);
  assert_refused (path, metadata, tensors, 4, "more than 1024 classes");
  g_hash_table_insert (metadata, "classes", "[\"a\", \"b\"]");
  g_assert_true (gh_safetensors_write (path, tensors, 4, metadata, NULL));
  head = gh_head_load (path, NULL);
  g_assert_nonnull (head);
  temp_folder_remove (folder);
}

static void
test_tensors (void)
{
  static const struct { int replaced; GhTensorOut tensor; const char *reason; } cases[] = {
    {0, {"input.means", GH_ST_F32, 1, {4}, fours}, "\"input.mean\" is missing"},
    {0, {"input.mean", GH_ST_F32, 2, {1, 4}, fours}, "2 dimensions"},
    {0, {"input.mean", GH_ST_F32, 1, {3}, fours}, "disagree"},
    {0, {"input.mean", GH_ST_F32, 1, {0}, fours}, "0 wide"},
    {0, {"input.mean", GH_ST_F32, 1, {4}, with_nan}, "holds NaN at element 1"},
    {1, {"input.std", GH_ST_F32, 1, {5}, fours}, "disagree"},
    {1, {"input.std", GH_ST_F32, 1, {4}, with_zero}, "not above 0 at element 2"},
    {2, {"fc1.weight", GH_ST_F32, 2, {4, 1}, fours}, "disagree"},
    {2, {"fc1.weight", GH_ST_F32, 1, {4}, fours}, "1 dimensions"},
    {2, {"fc1.weight", GH_ST_F32, 2, {1, 5}, fours}, "reads 5 numbers and is given 4"},
    {2, {"fc1.weight", GH_ST_F32, 2, {1, 0}, fours}, "0 wide"},
    {2, {"fc1.weight", GH_ST_F32, 2, {1, 4}, with_nan}, "holds NaN"},
    {2, {"fc2.weight", GH_ST_F32, 2, {1, 4}, fours}, "\"fc1.weight\" is missing"},
    {3, {"fc1.bias", GH_ST_F32, 1, {2}, fours}, "disagree"},
    {3, {"other", GH_ST_F32, 1, {1}, fours}, "\"fc1.bias\" is missing"},
  };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autofree float *large = g_new0 (float, 9000 * 4);
  g_autoptr (GHashTable) metadata = sound_metadata ();
  GhTensorOut tensors[5];

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    memcpy (tensors, sound_tensors, sizeof sound_tensors);
    tensors[cases[i].replaced] = cases[i].tensor;
    assert_refused (path, metadata, tensors, 4, cases[i].reason);
  }
  memcpy (tensors, sound_tensors, sizeof sound_tensors);
  tensors[4] = (GhTensorOut) { "fc3.weight", GH_ST_F32, 2, {1, 1}, fours };
  assert_refused (path, metadata, tensors, 5, "it has 5 tensors, a head of 1 layers has 4");
  tensors[4] = (GhTensorOut) { "fc2.weight", GH_ST_F32, 2, {1, 1}, fours };
  assert_refused (path, metadata, tensors, 5, "\"fc2.bias\" is missing");
  tensors[2] = (GhTensorOut) { "fc1.weight", GH_ST_F32, 2, {9000, 4}, large };
  assert_refused (path, metadata, tensors, 4, "9000 wide");
  temp_folder_remove (folder);
}

static void
test_kernels (void)
{
  static const GhTensorOut sound[] = { {"kernels.centres", GH_ST_BF16, 2, {2, 4}, fours},
    {"kernels.widths", GH_ST_F32, 1, {3}, fours}, {"kernels.weight", GH_ST_F32, 3, {1, 3, 2}, fours} };
  static const float negative[] = { 1, -1, 1 };
  static float zeros[20 * 16];
  static const struct { int replaced; GhTensorOut tensor; const char *reason; } cases[] = {
    {0, {"kernels.centre", GH_ST_F32, 2, {2, 4}, fours}, "it has 7 tensors, a head of 1 layers has 4"},
    {0, {"kernels.centres", GH_ST_F32, 1, {8}, fours}, "1 dimensions"},
    {0, {"kernels.centres", GH_ST_F32, 2, {0, 4}, fours}, "0 wide"},
    {0, {"kernels.centres", GH_ST_F32, 2, {2, 3}, fours}, "has 3 numbers a centre, embeddings have 4"},
    {0, {"kernels.centres", GH_ST_F32, 2, {1, 4}, fours}, "every output, width and centre"},
    {0, {"kernels.centres", GH_ST_BF16, 2, {1, 4}, with_nan}, "holds NaN at element 1"},
    {1, {"kernels.width", GH_ST_F32, 1, {3}, fours}, "\"kernels.widths\" is missing"},
    {1, {"kernels.widths", GH_ST_F32, 2, {1, 3}, fours}, "2 dimensions"},
    {1, {"kernels.widths", GH_ST_F32, 1, {2}, fours}, "every output, width and centre"},
    {1, {"kernels.widths", GH_ST_F32, 1, {3}, negative}, "not above 0 at element 1"},
    {1, {"kernels.widths", GH_ST_F32, 1, {3}, zeros}, "not above 0 at element 0"},
    {1, {"kernels.widths", GH_ST_F32, 1, {3}, with_nan}, "holds NaN"},
    {2, {"other", GH_ST_F32, 3, {1, 3, 2}, fours}, "\"kernels.weight\" is missing"},
    {2, {"kernels.weight", GH_ST_F32, 2, {3, 2}, fours}, "2 dimensions"},
    {2, {"kernels.weight", GH_ST_F32, 3, {2, 2, 2}, fours}, "every output, width and centre"},
    {2, {"kernels.weight", GH_ST_F32, 3, {1, 2, 3}, fours}, "every output, width and centre"},
    {2, {"kernels.weight", GH_ST_F32, 3, {1, 2, 2}, with_nan}, "holds NaN"},
  };
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "x.safetensors", NULL);
  g_autoptr (GHashTable) metadata = sound_metadata ();
  g_autoptr (GhHead) head = NULL;
  GhTensorOut tensors[9];

  memcpy (tensors, sound_tensors, sizeof sound_tensors);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    memcpy (tensors + 4, sound, sizeof sound);
    tensors[4 + cases[i].replaced] = cases[i].tensor;
    assert_refused (path, metadata, tensors, 7, cases[i].reason);
  }
  memcpy (tensors + 4, sound, sizeof sound);
  g_assert_true (gh_safetensors_write (path, tensors, 7, metadata, NULL));
  head = gh_head_load (path, NULL);
  g_assert_nonnull (head);
  assert_refused (path, metadata, tensors, 6, "\"kernels.weight\" is missing");
  tensors[7] = (GhTensorOut) { "kernels.more", GH_ST_F32, 1, {1}, fours };
  assert_refused (path, metadata, tensors, 8, "it has 8 tensors");
  tensors[7] = (GhTensorOut) { "fc2.weight", GH_ST_F32, 2, {1, 1}, fours };
  tensors[8] = (GhTensorOut) { "fc2.bias", GH_ST_F32, 1, {1}, fours };
  assert_refused (path, metadata, tensors, 9, "kernels and 2 layers");
  for (int i = 0; i < 20 * 16; i++)
    zeros[i] = 1;
  tensors[5] = (GhTensorOut) { "kernels.widths", GH_ST_F32, 1, {20}, zeros };
  tensors[6] = (GhTensorOut) { "kernels.weight", GH_ST_F32, 3, {1, 20, 2}, zeros };
  assert_refused (path, metadata, tensors, 7, "20 kernel widths, 1 to 16");
  temp_folder_remove (folder);
}

/* Everything that is no safetensors is refused by a head's loader too; an encoder is told apart. */
static void
test_files (void)
{
  g_autofree char *folder = temp_folder_new (), *base = g_build_filename (folder, "base.safetensors", NULL);
  g_autoptr (GPtrArray) models = NULL;
  g_autoptr (GError) encoder = NULL;

  hostile_models_write_base (base);
  g_assert_null (gh_head_load (base, &encoder));
  g_assert_nonnull (strstr (encoder->message, "is an encoder, not a head"));
  models = hostile_models_write (folder, base);
  for (guint i = 0; i < models->len; i++) {
    HostileModel *model = g_ptr_array_index (models, i);
    g_autoptr (GError) error = NULL;

    g_assert_null (gh_head_load (model->path, &error));
    g_assert_nonnull (error);
    g_assert_nonnull (strstr (error->message, model->path));
  }
  temp_folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/head-hostile/metadata", test_metadata);
  g_test_add_func ("/head-hostile/classes", test_classes);
  g_test_add_func ("/head-hostile/times", test_times);
  g_test_add_func ("/head-hostile/tensors", test_tensors);
  g_test_add_func ("/head-hostile/kernels", test_kernels);
  g_test_add_func ("/head-hostile/files", test_files);
  return g_test_run ();
}
