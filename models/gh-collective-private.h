/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-collective-private.h: what the files of the collective share.
 *
 *   gh-world.c              rank and size from the environment
 *   gh-peer.c               one connection
 *   gh-collective-join.c    how the connections come about
 *   gh-collective.c         sums and broadcasts over them
 */
#pragma once

#include "gh-collective.h"
#include "gh-peer.h"

G_BEGIN_DECLS

#define GH_COLLECTIVE_MAGIC "ghworld\n"
#define GH_COLLECTIVE_VERSION 1
#define GH_COLLECTIVE_MOST_TEXT 8000

/* What a process says first, in its own byte order; text follows. */
typedef struct {
  char magic[8];
  guint32 order;                /* 0x01020304 */
  guint32 version, size, rank;
  guint32 text_length;
} GhHello;

/* What rank 0 answers when all are there: data of this size. */
#define GH_COLLECTIVE_WELCOME "all here"

/* Meets the others: peers[size-1] in the order of their ranks for rank 0, peers[1], which is rank 0, for the others. */
gboolean gh_collective_join (GhPeer *peers, const GhWorld *world, const char *text, GError **error);

/* The last words on a connection, which is shut for writing then; waits at most a moment. */
void gh_collective_say_end (GhPeer *peers, guint n, const char *words);

G_END_DECLS
