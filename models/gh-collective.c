/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-collective.c: see gh-collective.h. A star around rank 0. The lock is held by whoever moves bytes: the caller's
 * thread inside of a call, the thread that gives signs of life between two of them.
 */
#include "gh-collective-private.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CHUNK (1 << 20)         /* bytes that move at a time */
#define BEATS_PER_SILENCE 6

struct _GhCollective {
  int rank, size;
  gint64 silence;               /* microseconds */
  int wake_fd;                  /* readable: the call that waits has to return */
  GhPeer *peers;
  guint n_peers;
  struct pollfd *polls;         /* [n_peers + 1] */
  guint8 *room;                 /* [n_peers][CHUNK] of rank 0 */
  char *problem;                /* NULL: all is well */

  GMutex lock;                  /* of the peers, and of `ending` */
  GCond changed;
  GThread *beats;
  gboolean ending;
  gint64 beaten;
};

/* ---- signs of life ----------------------------------------------------------------------------------------------- */

static gint64
beat_interval (const GhCollective *c)
{
  return c->silence / BEATS_PER_SILENCE;
}

static void
beat (GhCollective *c, gint64 now)
{
  if (now - c->beaten < beat_interval (c))
    return;
  c->beaten = now;
  for (guint i = 0; i < c->n_peers; i++)
    if (!c->peers[i].problem && !gh_peer_is_sending (&c->peers[i]))
      gh_peer_send (&c->peers[i], GH_PEER_BEAT, NULL, 0);
}

/* Between two calls. What comes in is read, so that `heard` is true when the next call begins. */
static gpointer
give_signs_of_life (gpointer data)
{
  GhCollective *c = data;

  g_mutex_lock (&c->lock);
  while (!c->ending) {
    g_cond_wait_until (&c->changed, &c->lock, g_get_monotonic_time () + beat_interval (c) / 2);
    beat (c, g_get_monotonic_time ());
    for (guint i = 0; i < c->n_peers; i++)
      gh_peer_pump (&c->peers[i]);
  }
  g_mutex_unlock (&c->lock);
  return NULL;
}

/* ---- moving bytes, with the lock held ---------------------------------------------------------------------------- */

static gboolean
is_busy (const GhPeer *peer)
{
  return gh_peer_is_sending (peer) || gh_peer_is_receiving (peer);
}

static gboolean
report (const GhCollective *c, GError **error)
{
  g_set_error (error, GH_ERROR, GH_ERROR_PEER, "the training in %d processes has ended: %s", c->size, c->problem);
  return FALSE;
}

/* Takes what. */
static void
give_up (GhCollective *c, char *what)
{
  c->problem = what;
  gh_collective_say_end (c->peers, c->n_peers, what);
}

static void
wait_for_events (GhCollective *c)
{
  for (guint i = 0; i < c->n_peers; i++) {
    const short events = gh_peer_events (&c->peers[i]);

    c->polls[i] = (struct pollfd) { events ? c->peers[i].fd : -1, events, 0 };
  }
  c->polls[c->n_peers] = (struct pollfd) { c->wake_fd, POLLIN, 0 };
  poll (c->polls, c->n_peers + 1, MAX (1, beat_interval (c) / 2000));
}

/* TRUE when nothing is on its way any more. */
static gboolean
advance (GhCollective *c, gboolean *busy)
{
  const gint64 now = g_get_monotonic_time ();

  *busy = FALSE;
  if (c->polls[c->n_peers].revents) {
    give_up (c, g_strdup_printf ("rank %d was stopped", c->rank));
    return FALSE;
  }
  beat (c, now);
  for (guint i = 0; i < c->n_peers; i++) {
    GhPeer *peer = &c->peers[i];

    gh_peer_pump (peer);
    if (!is_busy (peer))
      continue;
    *busy = TRUE;
    if (now - peer->heard > c->silence)
      gh_peer_fail (peer, "rank %d has given no sign of life for %d seconds: it hangs or is stopped, or the network is "
          "cut", peer->rank, (int) (c->silence / G_USEC_PER_SEC));
    if (peer->problem) {
      give_up (c, g_strdup (peer->problem));
      return FALSE;
    }
  }
  return TRUE;
}

/* Until everything that was begun is done. */
static gboolean
settle (GhCollective *c)
{
  gboolean busy;

  while (advance (c, &busy)) {
    if (!busy)
      return TRUE;
    wait_for_events (c);
  }
  return FALSE;
}

static gboolean
send_to_all (GhCollective *c, gconstpointer data, gsize size)
{
  for (guint i = 0; i < c->n_peers; i++) {
    if (c->peers[i].problem) {
      give_up (c, g_strdup (c->peers[i].problem));
      return FALSE;
    }
    gh_peer_send (&c->peers[i], GH_PEER_DATA, data, size);
  }
  return settle (c);
}

/* x[n] of everybody, n small enough for a chunk. */
static gboolean
sum_chunk (GhCollective *c, float *x, gsize n)
{
  const gsize bytes = n * sizeof (float);

  if (c->rank > 0) {
    gh_peer_want (c->peers, x, bytes);
    return send_to_all (c, x, bytes);
  }
  for (guint i = 0; i < c->n_peers; i++)
    gh_peer_want (&c->peers[i], c->room + i * (gsize) CHUNK, bytes);
  if (!settle (c))
    return FALSE;
  for (guint i = 0; i < c->n_peers; i++) {
    const float *other = (const float *) (c->room + i * (gsize) CHUNK);

    for (gsize k = 0; k < n; k++)
      x[k] += other[k];
  }
  return send_to_all (c, x, bytes);
}

static gboolean
broadcast_chunk (GhCollective *c, guint8 *data, gsize bytes)
{
  if (c->rank == 0)
    return send_to_all (c, data, bytes);
  gh_peer_want (c->peers, data, bytes);
  return settle (c);
}

/* ---- the interface ----------------------------------------------------------------------------------------------- */

/* A sign of life may still be on its way out; sends have to wait for it. */
static gboolean
enter (GhCollective *c)
{
  g_mutex_lock (&c->lock);
  if (c->problem)
    return FALSE;
  return settle (c);
}

static gboolean
leave (GhCollective *c, gboolean good, GError **error)
{
  good = good || report (c, error);
  g_mutex_unlock (&c->lock);
  return good;
}

gboolean
gh_collective_sum (GhCollective *c, float *x, gsize n, GError **error)
{
  const gsize most = CHUNK / sizeof (float);
  gboolean good = enter (c);

  for (gsize from = 0; good && from < n; from += most)
    good = sum_chunk (c, x + from, MIN (most, n - from));
  return leave (c, good, error);
}

gboolean
gh_collective_broadcast (GhCollective *c, void *data, gsize bytes, GError **error)
{
  gboolean good = enter (c);

  for (gsize from = 0; good && from < bytes; from += CHUNK)
    good = broadcast_chunk (c, (guint8 *) data + from, MIN (CHUNK, bytes - from));
  return leave (c, good, error);
}

gboolean
gh_collective_barrier (GhCollective *c, GError **error)
{
  float nothing = 0;

  return gh_collective_sum (c, &nothing, 1, error);
}

void
gh_collective_leave (GhCollective *c, const char *why)
{
  g_mutex_lock (&c->lock);
  if (!c->problem)
    give_up (c, g_strdup_printf ("rank %d gave up: %s", c->rank, why));
  g_mutex_unlock (&c->lock);
}

void
gh_collective_cancel (GhCollective *c)
{
  const guint64 one = 1;

  if (write (c->wake_fd, &one, sizeof one) < 0)
    g_warn_if_reached ();
}

int
gh_collective_rank (const GhCollective *c)
{
  return c->rank;
}

int
gh_collective_size (const GhCollective *c)
{
  return c->size;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

GhCollective *
gh_collective_new (const GhWorld *world, const char *text, GError **error)
{
  g_autoptr (GhCollective) c = NULL;

  g_return_val_if_fail (world->size > 1 && strlen (text) <= GH_COLLECTIVE_MOST_TEXT, NULL);
  c = g_new0 (GhCollective, 1);
  c->rank = world->rank;
  c->size = world->size;
  c->silence = world->silence_seconds * G_USEC_PER_SEC;
  g_mutex_init (&c->lock);
  g_cond_init (&c->changed);
  c->n_peers = c->rank == 0 ? c->size - 1 : 1;
  c->peers = g_new0 (GhPeer, c->n_peers);
  for (guint i = 0; i < c->n_peers; i++)
    c->peers[i].fd = -1;
  c->polls = g_new0 (struct pollfd, c->n_peers + 1);
  c->wake_fd = eventfd (0, EFD_CLOEXEC);
  c->room = c->rank == 0 ? g_try_malloc ((gsize) c->n_peers * CHUNK) : NULL;
  if (c->wake_fd < 0 || (c->rank == 0 && !c->room)) {
    g_set_error (error, GH_ERROR, GH_ERROR_DEVICE, "memory or files are short for a training in %d processes", c->size);
    return NULL;
  }
  if (!gh_collective_join (c->peers, world, text, error)) {
    c->problem = g_strdup ("it never began");
    return NULL;
  }
  c->beats = g_thread_new ("collective", give_signs_of_life, c);
  return g_steal_pointer (&c);
}

void
gh_collective_free (GhCollective *c)
{
  gint64 until;

  if (!c)
    return;
  if (c->beats) {
    g_mutex_lock (&c->lock);
    c->ending = TRUE;
    g_cond_signal (&c->changed);
    g_mutex_unlock (&c->lock);
    g_thread_join (c->beats);
    gh_collective_leave (c, "its training is over");
  }
  until = g_get_monotonic_time () + GH_PEER_LINGER;
  for (guint i = 0; i < c->n_peers; i++) {
    gh_peer_linger (&c->peers[i], until);
    gh_peer_clear (&c->peers[i]);
  }
  if (c->wake_fd >= 0)
    close (c->wake_fd);
  g_cond_clear (&c->changed);
  g_mutex_clear (&c->lock);
  g_free (c->problem);
  g_free (c->room);
  g_free (c->polls);
  g_free (c->peers);
  g_free (c);
}
