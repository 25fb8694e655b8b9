/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-world.c: see gh-world.h. */
#include "gh-world.h"

#include <string.h>

#define DEFAULT_PORT 29500
#define DEFAULT_JOIN_SECONDS 60
#define DEFAULT_SILENCE_SECONDS 30
#define MOST_PROCESSES 4096

typedef struct {
  const char *rank, *size[2], *local_rank;
} Launcher;

static const Launcher launchers[] = {
  {"RANK", {"WORLD_SIZE"}, "LOCAL_RANK"},
  {"OMPI_COMM_WORLD_RANK", {"OMPI_COMM_WORLD_SIZE"}, "OMPI_COMM_WORLD_LOCAL_RANK"},
  {"SLURM_PROCID", {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}, "SLURM_LOCALID"},
};
enum { TORCHRUN, OPEN_MPI, SLURM };

/* An empty variable is as good as none. */
static const char *
look (const char *name)
{
  const char *value = name ? g_getenv (name) : NULL;

  return value && *value ? value : NULL;
}

static gboolean
read_number (const char *name, gint64 low, gint64 high, int *number, GError **error)
{
  const char *value = look (name);
  gint64 n;

  if (!value)
    return TRUE;
  if (!g_ascii_string_to_signed (value, 10, low, high, &n, NULL)) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s=%s in the environment: a number from %" G_GINT64_FORMAT
        " to %" G_GINT64_FORMAT " is needed", name, value, low, high);
    return FALSE;
  }
  *number = n;
  return TRUE;
}

/* ---- who and how many -------------------------------------------------------------------------------------------- */

static const char *
size_name (const Launcher *l)
{
  return look (l->size[0]) || !l->size[1] ? l->size[0] : l->size[1];
}

/* Slurm sets its number of tasks in a whole allocation, where nothing has been launched yet. */
static gboolean
is_there (const Launcher *l)
{
  return look (l->rank) || (l != &launchers[SLURM] && look (size_name (l)));
}

static gboolean
read_ranks (GhWorld *world, const Launcher *l, GError **error)
{
  const char *size = size_name (l);

  if (!look (l->rank) || !look (size)) {
    const char *there = look (l->rank) ? l->rank : size, *missing = look (l->rank) ? size : l->rank;

    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s=%s is in the environment, but %s is not: for a training in "
        "several processes set both, for one in one process unset %s", there, look (there), missing, there);
    return FALSE;
  }
  if (!read_number (size, 1, MOST_PROCESSES, &world->size, error)
      || !read_number (l->rank, 0, MOST_PROCESSES - 1, &world->rank, error))
    return FALSE;
  if (world->rank >= world->size) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s=%d contradicts %s=%d in the environment: processes are "
        "counted from 0", l->rank, world->rank, size, world->size);
    return FALSE;
  }
  world->local_rank = world->rank;
  if (!read_number (l->local_rank, 0, MOST_PROCESSES - 1, &world->local_rank, error))
    return FALSE;
  if (world->local_rank > world->rank) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s=%d contradicts %s=%d in the environment: no machine has so "
        "many of the processes up to this one", l->local_rank, world->local_rank, l->rank, world->rank);
    return FALSE;
  }
  return TRUE;
}

/* ---- where rank 0 is --------------------------------------------------------------------------------------------- */

char *
gh_world_first_host (const char *list)
{
  const gsize stem = strcspn (list, "[,"), digits = list[stem] == '[' ? strcspn (list + stem + 1, "-,]") : 0;

  if (list[stem] == '[' && (digits == 0 || !strchr (list + stem, ']')))
    return NULL;
  return stem + digits > 0 ? g_strdup_printf ("%.*s%.*s", (int) stem, list, (int) digits, digits ? list + stem + 1 : "")
      : NULL;
}

static char *
guess_address (const Launcher *l)
{
  const char *nodes = look ("SLURM_STEP_NODELIST"), *here = look ("OMPI_COMM_WORLD_LOCAL_SIZE");

  if (l == &launchers[OPEN_MPI])
    return here && g_str_equal (here, look ("OMPI_COMM_WORLD_SIZE")) ? g_strdup ("127.0.0.1") : NULL;
  if (l != &launchers[SLURM])
    return NULL;
  nodes = nodes ? nodes : look ("SLURM_JOB_NODELIST");
  nodes = nodes ? nodes : look ("SLURM_NODELIST");
  return nodes ? gh_world_first_host (nodes) : NULL;
}

static gboolean
read_address (GhWorld *world, const Launcher *l, GError **error)
{
  const char *address = look ("MASTER_ADDR"), *agent = look ("TORCHELASTIC_USE_AGENT_STORE");
  const char *job = look ("SLURM_JOB_ID");

  world->address = address ? g_strdup (address) : guess_address (l);
  if (!world->address) {
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s=%d in the environment asks for a training in several "
        "processes, but nothing says where they meet: set MASTER_ADDR to the machine of rank 0, and MASTER_PORT to a "
        "free port there", size_name (l), world->size);
    return FALSE;
  }
  world->port = DEFAULT_PORT;
  if (l == &launchers[SLURM] && job)
    world->port = 20000 + g_ascii_strtoull (job, NULL, 10) % 10000;
  if (!read_number ("MASTER_PORT", 1, 65534, &world->port, error))
    return FALSE;
  if (l == &launchers[TORCHRUN] && agent && g_ascii_strcasecmp (agent, "true") == 0)
    world->port++;
  return TRUE;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

void
gh_world_init (GhWorld *world)
{
  *world = (GhWorld) { .size = 1, .join_seconds = DEFAULT_JOIN_SECONDS, .silence_seconds = DEFAULT_SILENCE_SECONDS };
}

void
gh_world_clear (GhWorld *world)
{
  g_free (world->address);
  gh_world_init (world);
}

gboolean
gh_world_from_environment (GhWorld *world, GError **error)
{
  gboolean good = TRUE;

  gh_world_init (world);
  for (guint i = 0; i < G_N_ELEMENTS (launchers); i++) {
    if (!is_there (&launchers[i]))
      continue;
    good = read_ranks (world, &launchers[i], error)
        && read_number ("GST_HEADS_JOIN_SECONDS", 1, 3600, &world->join_seconds, error)
        && (world->size == 1 || read_address (world, &launchers[i], error));
    break;
  }
  if (!good)
    gh_world_clear (world);
  return good;
}
