/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-mae-trainer-processes.c: the same pipeline as one process with a batch of 4 and as two with 2 writes the same
 * encoder; a rank that is killed ends the other with an error on the bus, and a checkpoint to go on from. Every pipeline
 * is a process of its own: this program again, with --pipeline.
 */
#include <gst/gst.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/models/model-file.h"
#include "tests/models/processes.h"
#include "tests/models/temp-folder.h"

static const gchar *self;
static gchar *folder;

/* ---- a process with a pipeline ------------------------------------------------------------------------ */

/* Prints the states of mae-trainer, the error, "end". */
static int
run_pipeline (const gchar *text)
{
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstBus) bus = NULL;
  gboolean going = TRUE;
  gint status = 0;

  alarm (PROCESS_SECONDS);
  gst_init (NULL, NULL);
  pipeline = gst_parse_launch (text, NULL);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (going) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS
        | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT);

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT) {
      const GstStructure *structure = gst_message_get_structure (message);
      gint processes = 0;

      gst_structure_get_int (structure, "processes", &processes);
      printf ("%s %d\n", gst_structure_get_string (structure, "state"), processes);
    } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      g_autoptr (GError) error = NULL;

      gst_message_parse_error (message, &error, NULL);
      printf ("error %s\n", error->message);
      status = 3;
      going = FALSE;
    } else {
      printf ("end\n");
      going = FALSE;
    }
    fflush (stdout);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return status;
}

/* ---- the test's side ---------------------------------------------------------------------------------- */

typedef struct
{
  GPid pid;
  FILE *out;
} Process;

static gchar *
in_folder (const gchar *name)
{
  return g_build_filename (folder, name, NULL);
}

/* size 0: without a word about processes. */
static Process
start (gint rank, gint size, gint port, guint64 steps, gint batch, const gchar *checkpoint, const gchar *location)
{
  g_autofree gchar *config = in_folder ("small.json"), *out = in_folder (location), *state = in_folder (checkpoint);
  g_autofree gchar *text = g_strdup_printf ("plaza-test-src num-buffers=9 ! video/x-raw,width=160,height=96 ! "
      "mae-trainer config=%s steps=%" G_GUINT64_FORMAT " batch-size=%d learning-rate=0.01 warmup=2 device=cpu precision=f32 "
      "threads=1 flip=true clip=0.5 checkpoint=%s location=%s", config, steps, batch, state, out);
  const gchar *argv[] = { self, "--pipeline", text, NULL };
  g_auto (GStrv) environment = g_get_environ ();
  g_autoptr (GError) error = NULL;
  Process process;
  gint fd;

  if (size > 0) {
    g_autofree gchar *r = g_strdup_printf ("%d", rank), *n = g_strdup_printf ("%d", size);
    g_autofree gchar *p = g_strdup_printf ("%d", port);

    environment = g_environ_setenv (environment, "RANK", r, TRUE);
    environment = g_environ_setenv (environment, "WORLD_SIZE", n, TRUE);
    environment = g_environ_setenv (environment, "MASTER_ADDR", "127.0.0.1", TRUE);
    environment = g_environ_setenv (environment, "MASTER_PORT", p, TRUE);
  }
  g_spawn_async_with_pipes (NULL, (gchar **) argv, environment, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &process.pid,
      NULL, &fd, NULL, &error);
  g_assert_no_error (error);
  process.out = fdopen (fd, "r");
  return process;
}

/* Reads lines until one begins with these words; FALSE: there was none. */
static gboolean
wait_for (Process *process, const gchar *words, gchar *line, int size)
{
  while (fgets (line, size, process->out)) {
    if (g_str_has_prefix (line, words))
      return TRUE;
    g_test_message ("%s", g_strchomp (line));
  }
  return FALSE;
}

static void
expect_end (Process *process, const gchar *words)
{
  gchar line[2000];

  g_assert_true (wait_for (process, words, line, sizeof line));
  fclose (process->out);
  waitpid (process->pid, NULL, 0);
}

static void
assert_same_encoder (const gchar *a, const gchar *b)
{
  g_autofree gchar *path = in_folder (a), *other_path = in_folder (b);
  g_autoptr (ModelFile) file = model_file_read (path), other = model_file_read (other_path);
  gfloat worst = 0;

  g_assert_cmpuint (file->tensors->len, ==, other->tensors->len);
  for (guint i = 0; i < file->tensors->len; i++) {
    const ModelTensor *x = g_ptr_array_index (file->tensors, i), *y = model_file_find (other, x->name);

    g_assert_true (y && x->count == y->count);
    for (gint64 k = 0; k < x->count; k++)
      worst = MAX (worst, fabsf (x->data[k] - y->data[k]));
  }
  g_test_message ("%s and %s differ by %g at most", a, b, worst);
  g_assert_cmpfloat (worst, <=, 1e-5f);
}

static void
test_same (void)
{
  const gint port = processes_free_port ();
  Process alone = start (0, 0, 0, 50, 4, "alone.checkpoint", "alone.safetensors"), other, first;
  g_autofree gchar *model = in_folder ("other.safetensors"), *checkpoint = in_folder ("other.checkpoint");
  gchar line[2000];

  expect_end (&alone, "end");
  other = start (1, 2, port, 50, 2, "other.checkpoint", "other.safetensors");
  first = start (0, 2, port, 50, 2, "first.checkpoint", "first.safetensors");
  g_assert_true (wait_for (&first, "ready 2", line, sizeof line));
  g_assert_true (wait_for (&first, "training 2", line, sizeof line));
  expect_end (&first, "end");
  expect_end (&other, "end");
  assert_same_encoder ("alone.safetensors", "first.safetensors");
  g_assert_false (g_file_test (model, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (checkpoint, G_FILE_TEST_EXISTS));
}

/* One rank is killed in the middle of a training that would take days. Rank 0, if it lives, keeps what was learned. */
static void
test_killed (gconstpointer data)
{
  const gint port = processes_free_port (), dead = GPOINTER_TO_INT (data);
  g_autofree gchar *checkpoint = g_strdup_printf ("killed-%d.checkpoint", dead), *path = in_folder (checkpoint);
  g_autofree gchar *words = g_strdup_printf ("rank %d is gone", dead);
  Process processes[2];
  gchar line[2000];
  gint64 killed;

  for (gint rank = 0; rank < 2; rank++)
    processes[rank] = start (rank, 2, port, 100000000, 2, checkpoint, "killed.safetensors");
  for (gint rank = 0; rank < 2; rank++)
    g_assert_true (wait_for (&processes[rank], "training 2", line, sizeof line));
  killed = g_get_monotonic_time ();
  kill (processes[dead].pid, SIGKILL);
  g_assert_true (wait_for (&processes[1 - dead], "error ", line, sizeof line));
  g_assert_cmpint (g_get_monotonic_time () - killed, <, 30 * G_USEC_PER_SEC);
  g_test_message ("%s", line);
  g_assert_nonnull (strstr (line, words));
  for (gint rank = 0; rank < 2; rank++) {
    fclose (processes[rank].out);
    waitpid (processes[rank].pid, NULL, 0);
  }
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS) == (dead == 1));
}

/* Another batch is another training: both say so, before they train. */
static void
test_refused (void)
{
  const gint port = processes_free_port ();
  Process first = start (0, 2, port, 50, 2, "a.checkpoint", "a.safetensors");
  Process other = start (1, 2, port, 50, 3, "b.checkpoint", "b.safetensors");
  gchar line[2000];

  g_assert_true (wait_for (&first, "error ", line, sizeof line));
  g_assert_nonnull (strstr (line, "it has \"batch\":3, rank 0 has \"batch\":2"));
  fclose (first.out);
  waitpid (first.pid, NULL, 0);
  expect_end (&other, "error rank 1 trains something else");
}

int
main (int argc, char **argv)
{
  gchar *config;
  gint status;

  if (argc == 3 && strcmp (argv[1], "--pipeline") == 0)
    return run_pipeline (argv[2]);
  g_test_init (&argc, &argv, NULL);
  self = argv[0];
  folder = temp_folder_new ();
  config = in_folder ("small.json");
  g_assert_true (g_file_set_contents (config, "{\"height\": 48, \"width\": 80, \"patch\": 16, "
          "\"dim\": 32, \"depth\": 1, \"heads\": 1, \"head_dim\": 32, \"mlp\": 64, \"embedding\": 16, \"dec_dim\": 16, "
          "\"dec_depth\": 1, \"dec_heads\": 1, \"dec_head_dim\": 16, \"dec_mlp\": 32}", -1, NULL));
  g_free (config);
  g_test_add_func ("/mae-trainer/processes/same", test_same);
  g_test_add_data_func ("/mae-trainer/processes/killed/0", GINT_TO_POINTER (0), test_killed);
  g_test_add_data_func ("/mae-trainer/processes/killed/1", GINT_TO_POINTER (1), test_killed);
  g_test_add_func ("/mae-trainer/processes/refused", test_refused);
  status = g_test_run ();
  temp_folder_remove (folder);
  return status;
}
