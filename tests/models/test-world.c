/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-world.c: rank, size and address as torchrun, Open MPI and Slurm give them, and what is refused.
 */
#include "models/gh-world.h"

#include <string.h>

typedef struct {
  const char *variables;        /* NAME=VALUE separated by spaces */
  int rank, size, local_rank;
  const char *address;
  int port;
  const char *problem;          /* what the message says; NULL: it is right */
} Case;

static const Case cases[] = {
  {"", 0, 1, 0, NULL, 0},
  {"RANK= WORLD_SIZE=", 0, 1, 0, NULL, 0},
  {"RANK=0 WORLD_SIZE=1", 0, 1, 0, NULL, 0},
  {"RANK=3 WORLD_SIZE=4 LOCAL_RANK=1 MASTER_ADDR=10.0.0.1 MASTER_PORT=1234", 3, 4, 1, "10.0.0.1", 1234},
  {"RANK=3 WORLD_SIZE=4 MASTER_ADDR=a", 3, 4, 3, "a", 29500},
  /* torchrun has MASTER_PORT for itself. */
  {"RANK=1 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=1234 TORCHELASTIC_USE_AGENT_STORE=True", 1, 2, 1, "a", 1235},
  {"RANK=1 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=1234 TORCHELASTIC_USE_AGENT_STORE=False", 1, 2, 1, "a", 1234},
  {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2", 1, 2, 1,
    "127.0.0.1", 29500},
  {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_RANK=0 OMPI_COMM_WORLD_LOCAL_SIZE=1 MASTER_ADDR=b",
    1, 2, 0, "b", 29500},
  {"SLURM_PROCID=5 SLURM_NTASKS=8 SLURM_LOCALID=1 SLURM_NODELIST=node[003-010,12]", 5, 8, 1, "node003", 29500},
  {"SLURM_PROCID=5 SLURM_NTASKS=9 SLURM_STEP_NUM_TASKS=8 SLURM_LOCALID=1 SLURM_JOB_NODELIST=m,n SLURM_STEP_NODELIST=n "
    "SLURM_JOB_ID=1234567", 5, 8, 1, "n", 24567},
  {"SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_NODELIST=m SLURM_JOB_ID=7 MASTER_PORT=99 MASTER_ADDR=c", 0, 2, 0, "c", 99},
  /* An allocation in which nothing was launched. */
  {"SLURM_NTASKS=8 SLURM_NODELIST=m", 0, 1, 0, NULL, 0},
  /* torchrun and mpirun inside of Slurm count processes, Slurm counts what it started. */
  {"RANK=1 WORLD_SIZE=4 MASTER_ADDR=a SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_NODELIST=m", 1, 4, 1, "a", 29500},
  {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 MASTER_ADDR=b SLURM_PROCID=0 SLURM_NTASKS=1", 1, 2, 1, "b", 29500},

  {"RANK=0", 0, 1, 0, NULL, 0, "RANK=0 is in the environment, but WORLD_SIZE is not"},
  {"WORLD_SIZE=2", 0, 1, 0, NULL, 0, "WORLD_SIZE=2 is in the environment, but RANK is not"},
  {"OMPI_COMM_WORLD_SIZE=2", 0, 1, 0, NULL, 0, "OMPI_COMM_WORLD_RANK is not"},
  {"SLURM_PROCID=0", 0, 1, 0, NULL, 0, "SLURM_NTASKS is not"},
  {"RANK=2 WORLD_SIZE=2 MASTER_ADDR=a", 0, 1, 0, NULL, 0, "RANK=2 contradicts WORLD_SIZE=2"},
  {"RANK=-1 WORLD_SIZE=2 MASTER_ADDR=a", 0, 1, 0, NULL, 0, "RANK=-1 in the environment: a number from 0"},
  {"RANK=1 WORLD_SIZE=two MASTER_ADDR=a", 0, 1, 0, NULL, 0, "WORLD_SIZE=two"},
  {"RANK=1 WORLD_SIZE=0 MASTER_ADDR=a", 0, 1, 0, NULL, 0, "WORLD_SIZE=0"},
  {"RANK=1 WORLD_SIZE=99999999999999999999 MASTER_ADDR=a", 0, 1, 0, NULL, 0, "WORLD_SIZE=9999"},
  {"RANK=1 WORLD_SIZE=2 LOCAL_RANK=2 MASTER_ADDR=a", 0, 1, 0, NULL, 0, "LOCAL_RANK=2 contradicts RANK=1"},
  {"RANK=1 WORLD_SIZE=2", 0, 1, 0, NULL, 0, "set MASTER_ADDR"},
  {"RANK=1 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=0", 0, 1, 0, NULL, 0, "MASTER_PORT=0"},
  {"RANK=1 WORLD_SIZE=2 MASTER_ADDR=a MASTER_PORT=65535", 0, 1, 0, NULL, 0, "MASTER_PORT=65535"},
  {"RANK=1 WORLD_SIZE=2 MASTER_ADDR=a GST_HEADS_JOIN_SECONDS=soon", 0, 1, 0, NULL, 0, "GST_HEADS_JOIN_SECONDS=soon"},
  {"OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_LOCAL_SIZE=1", 0, 1, 0, NULL, 0, "set MASTER_ADDR"},
  {"SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_NODELIST=[", 0, 1, 0, NULL, 0, "set MASTER_ADDR"},
};

static void
forget_environment (void)
{
  const char *const prefixes[] = { "OMPI_", "SLURM_", "TORCHELASTIC_", "MASTER_", "GST_HEADS_JOIN_SECONDS" };
  g_auto (GStrv) names = g_listenv ();

  for (char **name = names; *name; name++)
    for (guint i = 0; i < G_N_ELEMENTS (prefixes); i++)
      if (g_str_has_prefix (*name, prefixes[i]))
        g_unsetenv (*name);
  g_unsetenv ("RANK");
  g_unsetenv ("WORLD_SIZE");
  g_unsetenv ("LOCAL_RANK");
}

static void
test_case (gconstpointer data)
{
  const Case *c = data;
  g_auto (GStrv) variables = g_strsplit (c->variables, " ", -1);
  g_auto (GhWorld) world;
  g_autoptr (GError) error = NULL;
  gboolean good;

  forget_environment ();
  for (char **variable = variables; *variable; variable++) {
    g_auto (GStrv) parts = g_strsplit (*variable, "=", 2);

    if (parts[0])
      g_setenv (parts[0], parts[1], TRUE);
  }
  good = gh_world_from_environment (&world, &error);
  forget_environment ();
  g_test_message ("%s: %s", c->variables, error ? error->message : "taken");
  g_assert_true (good == !c->problem);
  g_assert_cmpint (world.rank, ==, c->rank);
  g_assert_cmpint (world.size, ==, c->size);
  g_assert_cmpint (world.local_rank, ==, c->local_rank);
  g_assert_cmpstr (world.address, ==, c->address);
  g_assert_cmpint (world.port, ==, c->port);
  g_assert_cmpint (world.join_seconds, ==, 60);
  g_assert_cmpint (world.silence_seconds, <=, 30);
  if (c->problem) {
    g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
    g_assert_nonnull (strstr (error->message, c->problem));
  }
}

static void
test_first_host (void)
{
  static const char *const hosts[][2] = {
    {"a", "a"}, {"a,b", "a"}, {"node[1-3]", "node1"}, {"node[007,9],x", "node007"}, {"n[12]", "n12"}, {"n-1[3-4]", "n-13"},
    {"", NULL}, {"n[", NULL}, {"n[]", NULL}, {"n[1", NULL}, {",", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (hosts); i++) {
    g_autofree char *first = gh_world_first_host (hosts[i][0]);

    g_assert_cmpstr (first, ==, hosts[i][1]);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *path = g_strdup_printf ("/world/environment/%u", i);

    g_test_add_data_func (path, &cases[i], test_case);
  }
  g_test_add_func ("/world/first-host", test_first_host);
  return g_test_run ();
}
