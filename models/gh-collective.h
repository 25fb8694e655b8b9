/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-collective.h: several processes that train one model: sums of their gradients, over TCP.
 *
 *   gh_world_from_environment (&world, &error);
 *   collective = gh_collective_new (&world, text, &error);       every process, within world.join_seconds
 *   gh_collective_broadcast (collective, weights, bytes, &error);
 *   while (...)
 *     gh_collective_sum (collective, gradient, n, &error);
 *   gh_collective_free (collective);
 *
 * Every process makes the same calls with the same sizes in the same order. Rank 0 adds the numbers in the order of the
 * ranks and sends the sums back, so all have the same bits, every time.
 *
 * One that dies, hangs or is cut off ends the others: whatever they wait in returns PEER, as does every call from then
 * on, within world.silence_seconds. Processes say all the time that they live, from a thread of the collective's, so
 * one that computes or waits for frames, however long, is not lost. Processes are of one byte order. What is sent is
 * neither encrypted nor signed: these ports are for networks that are trusted.
 *
 * A collective belongs to one thread at a time; gh_collective_cancel() may come from any.
 */
#pragma once

#include "gh-world.h"

G_BEGIN_DECLS

typedef struct _GhCollective GhCollective;

/* Meets the other processes. text (at most 8000 bytes of ASCII): what all have to agree about, such as the model and
 * its options as JSON; where it differs nobody joins, and the messages show the first difference. UNSUITABLE then, and for
 * addresses that are none; PEER when not all are there in time. world->size is 2 or more. */
GhCollective *gh_collective_new (const GhWorld *world, const char *text, GError **error);
/* Takes NULL. Whoever still waits for this process gets PEER. */
void gh_collective_free (GhCollective *collective);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhCollective, gh_collective_free)

int gh_collective_rank (const GhCollective *collective);
int gh_collective_size (const GhCollective *collective);

/* x[n] becomes the sum of everybody's. */
gboolean gh_collective_sum (GhCollective *collective, float *x, gsize n, GError **error);
/* Everybody gets rank 0's. */
gboolean gh_collective_broadcast (GhCollective *collective, void *data, gsize bytes, GError **error);
/* Returns when all have called it. */
gboolean gh_collective_barrier (GhCollective *collective, GError **error);

/* Ends it for everybody; the others are told why. Does nothing after a failure. */
void gh_collective_leave (GhCollective *collective, const char *why);
/* Makes the call that waits now, or the next one, return PEER at once; it ends for everybody. Any thread. */
void gh_collective_cancel (GhCollective *collective);

G_END_DECLS
