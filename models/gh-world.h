/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-world.h: which of several processes this is, as whoever launched them says in the environment. The first of these
 * that is there counts:
 *
 *   torchrun and the like   RANK, WORLD_SIZE, LOCAL_RANK
 *   Open MPI                OMPI_COMM_WORLD_RANK, OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_LOCAL_RANK
 *   Slurm                   SLURM_PROCID, SLURM_STEP_NUM_TASKS (or SLURM_NTASKS), SLURM_LOCALID
 *
 * MASTER_ADDR and MASTER_PORT say where rank 0 can be reached. Without MASTER_ADDR Slurm's first node is taken, and the
 * loopback when Open MPI runs all of them on one machine; without MASTER_PORT 29500, or a port made of Slurm's number
 * of the job. torchrun listens on MASTER_PORT itself: the port above it is taken then. GST_HEADS_JOIN_SECONDS (1 to 3600,
 * 60) is how long the processes wait for each other at the start.
 */
#pragma once

#include "gh-error.h"

G_BEGIN_DECLS

typedef struct {
  int rank, size;               /* size 1: there are no others */
  int local_rank;               /* among those of this machine */
  char *address;                /* of rank 0; NULL when size is 1 */
  int port;
  int join_seconds;             /* until all are there */
  int silence_seconds;          /* until one that says nothing counts as lost */
} GhWorld;

/* Alone. */
void gh_world_init (GhWorld *world);
/* UNSUITABLE, when variables are missing or contradict each other: the message names them. The world is alone then. */
gboolean gh_world_from_environment (GhWorld *world, GError **error);
void gh_world_clear (GhWorld *world);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (GhWorld, gh_world_clear)

/* The first host of a list as Slurm writes it: "node[003-010,12],other" -> "node003". NULL when it is none. */
char *gh_world_first_host (const char *nodelist);

G_END_DECLS
