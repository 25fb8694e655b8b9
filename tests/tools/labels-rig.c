/* SPDX-License-Identifier: LGPL-2.1-or-later
 * labels-rig.c: see labels-rig.h. */
#include "labels-rig.h"

#include "gst/scaleai/scale-upload.h"
#include "tests/models/temp-folder.h"

#include <string.h>

static const CatalogueDestination gate = { SCALE_SERVICE, RIG_PROJECT };
const char *rig_command;

/* ---- the dataset --------------------------------------------------------------------------------------------------- */

static void
start_server (Rig *rig, gboolean strip_metadata)
{
  g_autofree char *truth = g_build_filename (rig->folder, "truth.json", NULL);
  g_autoptr (GString) text = g_string_new ("{");
  g_autoptr (GError) error = NULL;
  ScaleServerOptions options = SCALE_SERVER_OPTIONS_INIT;

  /* The truth of every image that the rig can make. */
  for (guint i = 0; i < 400; i++) {
    g_autoptr (GBytes) image = tiny_jpeg (i);
    g_autofree char *sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, image);

    g_string_append_printf (text, "%s\"%s\":[", i ? "," : "", sum);
    for (guint box = 0; box < i % 4; box++)
      g_string_append_printf (text, "%s{\"label\":\"person\",\"left\":%u,\"top\":2.5,\"width\":10,\"height\":20}", box ? "," : "",
          i);
    g_string_append (text, "]");
  }
  g_string_append (text, "}");
  g_assert_true (g_file_set_contents (truth, text->str, -1, NULL));
  options.truth_file = truth;
  options.strip_metadata = strip_metadata;
  rig->server = scale_server_new (&options, &error);
  g_assert_no_error (error);
  make_project (rig->server, RIG_PROJECT, TRUE);
}

void
rig_init (Rig *rig, gboolean strip_metadata)
{
  g_autoptr (GError) error = NULL;

  *rig = (Rig) { .folder = temp_folder_new (), .frames = g_ptr_array_new_with_free_func (g_free),
    .sums = g_ptr_array_new_with_free_func (g_free) };
  rig->dataset = g_build_filename (rig->folder, "set", NULL);
  rig->catalogue = catalogue_open (rig->dataset, &error);
  g_assert_no_error (error);
  start_server (rig, strip_metadata);
}

void
rig_clear (Rig *rig)
{
  scale_server_free (rig->server);
  catalogue_close (rig->catalogue);
  temp_folder_remove (rig->folder);
  g_ptr_array_unref (rig->frames);
  g_ptr_array_unref (rig->sums);
  g_free (rig->dataset);
  g_free (rig->folder);
}

static void
add_frame (Rig *rig, guint number)
{
  g_autoptr (GBytes) image = tiny_jpeg (number);
  CatalogueFrame frame = { .source = "cam:0", .captured_at = (number + 1) * G_TIME_SPAN_SECOND, .received_at = 1, .pts = G_MAXUINT64,
    .media_sequence = G_MAXUINT64, .width = 64, .height = 48, .suffix = "jpg", .image = image, .upload = &gate };
  g_autoptr (GError) error = NULL;
  char *id = NULL;

  g_assert_cmpint (catalogue_add (rig->catalogue, &frame, &id, NULL, &error), ==, CATALOGUE_STORED);
  g_assert_no_error (error);
  g_ptr_array_add (rig->frames, id);
  g_ptr_array_add (rig->sums, g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, image));
}

/* What the visitor was shown, so that writing waits until it is over. */
typedef struct {
  Catalogue *catalogue;
  gint64 id;
  char *reference, *metadata;
} Due;

static void
take_due (const CatalogueUpload *upload, gpointer data)
{
  Due *due = data;

  due->id = upload->id;
  due->reference = g_strdup (upload->reference);
  due->metadata = scale_upload_metadata (due->catalogue, upload);
}

void
rig_add_frames (Rig *rig, guint n)
{
  for (guint end = rig->frames->len + n; rig->frames->len < end;) {
    Due due = { .catalogue = rig->catalogue };
    g_autoptr (Answer) answer = NULL;

    add_frame (rig, rig->frames->len);
    g_assert_true (catalogue_each_due (rig->catalogue, &gate, G_MAXINT64, 1, take_due, &due, NULL));
    answer = upload (rig->server, rig->frames->len - 1, RIG_PROJECT, due.reference, due.metadata);
    assert_status (answer, 200);
    g_assert_true (catalogue_upload_sent (rig->catalogue, due.id, answer_string (answer, "attachment_url"),
            answer_string (answer, "id"), NULL));
    g_free (due.reference);
    g_free (due.metadata);
  }
}

void
rig_label (Rig *rig, const char *batch, gboolean with_metadata)
{
  g_assert_cmpint (scale_server_build_batch (rig->server, RIG_PROJECT, batch, with_metadata), >, 0);
  scale_server_complete (rig->server, NULL);
}

/* ---- the command ---------------------------------------------------------------------------------------------------- */

/* Consumes the environment. */
static void
run_command (Ran *ran, GStrv environment, const char *key, const char *const *arguments)
{
  g_autoptr (GPtrArray) argv = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  int wait_status;

  environment = key ? g_environ_setenv (environment, SCALE_KEY_VARIABLE, key, TRUE)
      : g_environ_unsetenv (environment, SCALE_KEY_VARIABLE);
  g_ptr_array_add (argv, (gpointer) rig_command);
  g_ptr_array_add (argv, (gpointer) "labels");
  for (; *arguments; arguments++)
    g_ptr_array_add (argv, (gpointer) *arguments);
  g_ptr_array_add (argv, NULL);
  g_assert_true (g_spawn_sync (NULL, (char **) argv->pdata, environment, G_SPAWN_DEFAULT, NULL, NULL, &ran->out, &ran->err,
          &wait_status, &error));
  g_assert_no_error (error);
  ran->status = WIFEXITED (wait_status) ? WEXITSTATUS (wait_status) : -1;
  g_strfreev (environment);
}

void
rig_run (Ran *ran, const char *key, const char *const *arguments)
{
  run_command (ran, g_get_environ (), key, arguments);
}

void
rig_run_verbose (Ran *ran, const char *key, const char *const *arguments)
{
  run_command (ran, g_environ_setenv (g_get_environ (), "G_MESSAGES_DEBUG", "all", TRUE), key, arguments);
}

void
ran_clear (Ran *ran)
{
  g_clear_pointer (&ran->out, g_free);
  g_clear_pointer (&ran->err, g_free);
}

void
rig_pull (Rig *rig, Ran *ran, const char *url, const char *extra)
{
  g_autofree char *base = g_strdup_printf ("--base-url=%s/v1", url);
  const char *arguments[] = { "pull", rig->dataset, "--project=" RIG_PROJECT, "--json", "--count=person:people", base, extra, NULL };

  ran_clear (ran);
  rig_run (ran, SCALE_SERVER_KEY, arguments);
}

gint64
ran_number (const Ran *ran, const char *member)
{
  g_autoptr (JsonNode) root = json_from_string (ran->out, NULL);

  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    g_error ("no report: status %d: %s%s", ran->status, ran->out, ran->err);
  return json_object_get_int_member_with_default (json_node_get_object (root), member, -1);
}

/* ---- what is in it --------------------------------------------------------------------------------------------------- */

static void
print_label (const CatalogueLabel *label, gpointer text)
{
  g_string_append_printf (text, "%s=%s %s\n", label->task, label->value, label->origin);
}

char *
rig_labels_of (Rig *rig, const char *frame)
{
  GString *text = g_string_new (NULL);

  g_assert_true (catalogue_each_label (rig->catalogue, frame, print_label, text, NULL));
  return g_string_free (text, FALSE);
}

static void
print_task (const CatalogueTask *task, gpointer text)
{
  g_string_append_printf (text, "%s %s %s %s %s %s\n", task->id, task->status, task->updated_at, task->frame, task->unlinked,
      task->json);
}

char *
rig_dump (Rig *rig)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < rig->frames->len; i++) {
    g_string_append_printf (text, "%s\n", (char *) rig->frames->pdata[i]);
    g_assert_true (catalogue_each_label (rig->catalogue, rig->frames->pdata[i], print_label, text, NULL));
  }
  g_assert_true (catalogue_each_task (rig->catalogue, SCALE_SERVICE, RIG_PROJECT, print_task, text, NULL));
  return g_string_free (text, FALSE);
}
