/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-collective-join.c: how the processes of a training find each other. Rank 0 listens where the world says, the
 * others say hello there; once all are there, rank 0 tells them. Who does not speak like that is shown the door and
 * forgotten; who speaks like that and does not fit ends it for all, with the reason.
 */
#include "gh-collective-private.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ORDER 0x01020304
#define HELLO_US (10 * G_USEC_PER_SEC)          /* for a hello that has begun */
#define RETRY_US (100 * 1000)                   /* while nobody listens yet */
#define CONNECT_MS 5000
#define GRACE_US (5 * G_USEC_PER_SEC)           /* rank 0 knows best who is missing */
#define MOST_STRANGERS 32

/* ---- last words -------------------------------------------------------------------------------------------------- */

void
gh_collective_say_end (GhPeer *peers, guint n, const char *words)
{
  g_autofree char *cut = g_strndup (words, GH_PEER_WORDS);

  for (guint i = 0; i < n; i++) {
    GhPeer *peer = &peers[i];

    if (peer->fd < 0)
      continue;
    gh_peer_pump (peer);        /* a sign of life may be on its way */
    if (!peer->problem && !gh_peer_is_sending (peer)) {
      gh_peer_send (peer, GH_PEER_ABORT, cut, strlen (cut));
      gh_peer_pump (peer);
    }
    shutdown (peer->fd, SHUT_WR);
    gh_peer_fail (peer, "the training is over");
  }
}

/* ---- addresses --------------------------------------------------------------------------------------------------- */

/* Where rank 0 listens: exactly at an address that is written in numbers or is this machine's own loopback. A name may
 * stand for another address here than elsewhere, so for names it is every one. */
static gboolean
resolve (struct addrinfo **found, const GhWorld *world, gboolean listens, GError **error)
{
  const gboolean exact = g_hostname_is_ip_address (world->address) || g_str_equal (world->address, "localhost");
  const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | (listens ? AI_PASSIVE : 0) };
  g_autofree char *port = g_strdup_printf ("%d", world->port);
  const int status = getaddrinfo (listens && !exact ? NULL : world->address, port, &hints, found);

  if (status == 0)
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "MASTER_ADDR=%s: %s; set it to the machine of rank 0",
      world->address, gai_strerror (status));
  return FALSE;
}

static int
listen_there (const GhWorld *world, GError **error)
{
  struct addrinfo *found;
  const int on = 1;
  int fd = -1, problem = 0;

  if (!resolve (&found, world, TRUE, error))
    return -1;
  for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
    fd = socket (a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0
        || bind (fd, a->ai_addr, a->ai_addrlen) < 0 || listen (fd, 128) < 0) {
      problem = errno;
      if (fd >= 0)
        close (fd);
      fd = -1;
    }
  }
  freeaddrinfo (found);
  if (fd < 0)
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "rank 0 cannot listen at %s, port %d: %s; set MASTER_ADDR to an "
        "address of this machine and MASTER_PORT to a free port", world->address, world->port, g_strerror (problem));
  return fd;
}

/* ---- rank 0 ------------------------------------------------------------------------------------------------------ */

typedef struct {
  int fd;
  gint64 until;
  GhHello hello;
  char text[GH_COLLECTIVE_MOST_TEXT];
  gsize got;                    /* of both */
} Stranger;

typedef struct {
  const GhWorld *world;
  const char *text;
  GhPeer *peers;
  int joined;
  GPtrArray *strangers;
  int listener;
} Meeting;

static void
stranger_free (gpointer data)
{
  Stranger *s = data;

  if (s->fd >= 0)
    close (s->fd);
  g_free (s);
}

/* From a `,`, `{` or the beginning on, to the next comma; for messages. */
static char *
piece_at (const char *text, gsize at)
{
  gsize from = at;

  while (from > 0 && text[from - 1] != ',' && text[from - 1] != '{')
    from--;
  return g_strndup (text + from, MIN (strcspn (text + from, ",}"), 80));
}

static char *
describe_difference (const char *mine, const char *theirs, int rank)
{
  g_autofree char *a = NULL, *b = NULL;
  gsize at = 0;

  while (mine[at] && mine[at] == theirs[at])
    at++;
  a = piece_at (mine, at);
  b = piece_at (theirs, at);
  return g_strdup_printf ("rank %d trains something else than rank 0: it has %s, rank 0 has %s; start all processes "
      "with the same model, checkpoint and options", rank, b, a);
}

/* NULL: it belongs here. */
static char *
judge (const Meeting *m, const Stranger *s)
{
  const GhHello *h = &s->hello;
  g_autofree char *text = NULL;

  if (h->order != ORDER)
    return g_strdup ("a process on a machine of the other byte order cannot join");
  if (h->version != GH_COLLECTIVE_VERSION)
    return g_strdup_printf ("rank %u speaks version %u, rank 0 version %u: install the same gst-heads everywhere",
        h->rank, h->version, GH_COLLECTIVE_VERSION);
  if (h->size != (guint32) m->world->size)
    return g_strdup_printf ("rank %u is of a training in %u processes, rank 0 of one in %d: give all the same "
        "WORLD_SIZE", h->rank, h->size, m->world->size);
  if (h->rank == 0 || h->rank >= h->size)
    return g_strdup_printf ("a second process calls itself rank %u of %u: give each a rank of its own", h->rank,
        h->size);
  if (m->peers[h->rank - 1].fd >= 0)
    return g_strdup_printf ("two processes call themselves rank %u: give each a rank of its own", h->rank);
  text = g_strndup (s->text, h->text_length);
  for (char *c = text; *c; c++)
    if (!g_ascii_isprint (*c))
      *c = '?';
  return strcmp (text, m->text) == 0 ? NULL : describe_difference (m->text, text, h->rank);
}

/* How much more it has to say; 0 is all, -1: it speaks something else. */
static gssize
missing_bytes (const Stranger *s)
{
  const GhHello *h = &s->hello;

  if (memcmp (h->magic, GH_COLLECTIVE_MAGIC, MIN (s->got, sizeof h->magic)) != 0)
    return -1;
  if (s->got < sizeof *h)
    return sizeof *h - s->got;
  /* What another version says behind its number is not for us to know. */
  if (h->order != ORDER || h->version != GH_COLLECTIVE_VERSION)
    return 0;
  return h->text_length <= sizeof s->text ? (gssize) (sizeof *h + h->text_length - s->got) : -1;
}

/* FALSE: it goes. */
static gboolean
hear (Stranger *s)
{
  gssize missing;

  while ((missing = missing_bytes (s)) > 0) {
    char *to = s->got < sizeof s->hello ? (char *) &s->hello + s->got : s->text + s->got - sizeof s->hello;
    const gssize n = recv (s->fd, to, missing, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
      return g_get_monotonic_time () < s->until;
    if (n <= 0)
      return FALSE;
    s->got += n;
  }
  return missing == 0;
}

/* FALSE, and why in *refusal: it fits so little that nobody need wait any longer. */
static gboolean
admit (Meeting *m, Stranger *s, char **refusal)
{
  const int rank = s->hello.rank;
  const int fd = s->fd;

  s->fd = -1;
  if ((*refusal = judge (m, s))) {
    GhPeer refused;

    gh_peer_init (&refused, fd, rank);
    gh_collective_say_end (&refused, 1, *refusal);
    gh_peer_linger (&refused, g_get_monotonic_time () + GH_PEER_LINGER);
    gh_peer_clear (&refused);
    return FALSE;
  }
  gh_peer_init (&m->peers[rank - 1], fd, rank);
  m->joined++;
  return TRUE;
}

static gboolean
hear_strangers (Meeting *m, char **refusal)
{
  for (guint i = m->strangers->len; i-- > 0;) {
    Stranger *s = g_ptr_array_index (m->strangers, i);
    const gboolean stays = hear (s);

    if (stays && missing_bytes (s) > 0)
      continue;
    if (stays && !admit (m, s, refusal))
      return FALSE;
    g_ptr_array_remove_index_fast (m->strangers, i);
  }
  return TRUE;
}

static void
let_in (Meeting *m)
{
  int fd;

  while (m->strangers->len < MOST_STRANGERS
      && (fd = accept4 (m->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
    Stranger *s = g_new0 (Stranger, 1);

    s->fd = fd;
    s->until = g_get_monotonic_time () + HELLO_US;
    g_ptr_array_add (m->strangers, s);
  }
}

static void
wait_for_strangers (const Meeting *m)
{
  struct pollfd polls[MOST_STRANGERS + 1];
  guint n = 0;

  for (; n < m->strangers->len; n++)
    polls[n] = (struct pollfd) { ((Stranger *) g_ptr_array_index (m->strangers, n))->fd, POLLIN, 0 };
  if (m->strangers->len < MOST_STRANGERS)
    polls[n++] = (struct pollfd) { m->listener, POLLIN, 0 };
  poll (polls, n, RETRY_US / 1000);
}

static char *
describe_missing (const Meeting *m)
{
  GString *ranks = g_string_new (NULL);
  g_autofree char *list = NULL;
  int n = 0;

  for (int i = 0; i < m->world->size - 1; i++)
    if (m->peers[i].fd < 0 && n++ < 8)
      g_string_append_printf (ranks, "%s%d", n > 1 ? ", " : "", i + 1);
  list = g_string_free (ranks, FALSE);
  return g_strdup_printf ("rank %s%s did not come to %s, port %d, within %d seconds: start all %d processes with the "
      "same MASTER_ADDR and MASTER_PORT; GST_HEADS_JOIN_SECONDS sets how long they wait", list,
      n > 8 ? " and others" : "", m->world->address, m->world->port, m->world->join_seconds, m->world->size);
}

static gboolean
fail_meeting (const Meeting *m, GhError code, const char *why, GError **error)
{
  gh_collective_say_end (m->peers, m->world->size - 1, why);
  g_set_error_literal (error, GH_ERROR, code, why);
  return FALSE;
}

static gboolean
gather (Meeting *m, GError **error)
{
  const gint64 until = g_get_monotonic_time () + m->world->join_seconds * G_USEC_PER_SEC;
  g_autofree char *why = NULL;

  while (m->joined < m->world->size - 1) {
    if (g_get_monotonic_time () >= until) {
      why = describe_missing (m);
      return fail_meeting (m, GH_ERROR_PEER, why, error);
    }
    wait_for_strangers (m);
    let_in (m);
    if (!hear_strangers (m, &why))
      return fail_meeting (m, GH_ERROR_UNSUITABLE, why, error);
  }
  for (int i = 0; i < m->world->size - 1; i++) {
    gh_peer_send (&m->peers[i], GH_PEER_DATA, GH_COLLECTIVE_WELCOME, strlen (GH_COLLECTIVE_WELCOME));
    gh_peer_pump (&m->peers[i]);        /* the rest, and what is wrong, is for the first call */
  }
  return TRUE;
}

static gboolean
host (GhPeer *peers, const GhWorld *world, const char *text, GError **error)
{
  Meeting m = { world, text, peers };
  gboolean good;

  if ((m.listener = listen_there (world, error)) < 0)
    return FALSE;
  m.strangers = g_ptr_array_new_with_free_func (stranger_free);
  good = gather (&m, error);
  g_ptr_array_unref (m.strangers);
  close (m.listener);
  return good;
}

/* ---- the others -------------------------------------------------------------------------------------------------- */

/* -1 and errno. */
static int
connect_to (const struct addrinfo *a)
{
  const int fd = socket (a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct pollfd wanted = { fd, POLLOUT, 0 };
  socklen_t size = sizeof (int);
  int problem = 0;

  if (fd < 0)
    return -1;
  if (connect (fd, a->ai_addr, a->ai_addrlen) < 0)
    problem = errno;
  if (problem == EINPROGRESS) {
    problem = ETIMEDOUT;
    if (poll (&wanted, 1, CONNECT_MS) > 0)
      getsockopt (fd, SOL_SOCKET, SO_ERROR, &problem, &size);
  }
  if (problem == 0)
    return fd;
  close (fd);
  errno = problem;
  return -1;
}

static int
reach (const GhWorld *world, gint64 until, GError **error)
{
  struct addrinfo *found;
  int fd = -1, problem = 0;

  if (!resolve (&found, world, FALSE, error))
    return -1;
  do {
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
      fd = connect_to (a);
      problem = errno;
    }
    if (fd < 0)
      g_usleep (RETRY_US);
  } while (fd < 0 && g_get_monotonic_time () < until);
  freeaddrinfo (found);
  if (fd < 0)
    g_set_error (error, GH_ERROR, GH_ERROR_PEER, "rank 0 cannot be reached at %s, port %d, within %d seconds: %s; "
        "start it with the same MASTER_ADDR and MASTER_PORT", world->address, world->port, world->join_seconds,
        g_strerror (problem));
  return fd;
}

/* Until rank 0 has answered. */
static gboolean
wait_for_welcome (GhPeer *peer, const GhWorld *world, gint64 until, GError **error)
{
  char welcome[sizeof GH_COLLECTIVE_WELCOME] = "";

  gh_peer_want (peer, welcome, strlen (GH_COLLECTIVE_WELCOME));
  while (!peer->problem && gh_peer_is_receiving (peer) && g_get_monotonic_time () < until) {
    struct pollfd wanted = { peer->fd, POLLIN, 0 };

    poll (&wanted, 1, RETRY_US / 1000);
    gh_peer_pump (peer);
  }
  if (g_str_equal (welcome, GH_COLLECTIVE_WELCOME))
    return TRUE;
  if (peer->problem && peer->in_header[0] == GH_PEER_ABORT)
    g_set_error_literal (error, GH_ERROR, GH_ERROR_UNSUITABLE, peer->problem);
  else
    g_set_error (error, GH_ERROR, GH_ERROR_PEER, "what listens at %s, port %d, did not answer as rank 0 of a training "
        "does (%s); set MASTER_ADDR and MASTER_PORT to where rank 0 listens", world->address, world->port,
        peer->problem ? peer->problem : "it said nothing");
  return FALSE;
}

static gboolean
visit (GhPeer *peer, const GhWorld *world, const char *text, GError **error)
{
  const gint64 until = g_get_monotonic_time () + world->join_seconds * G_USEC_PER_SEC;
  const GhHello hello = { GH_COLLECTIVE_MAGIC, ORDER, GH_COLLECTIVE_VERSION, world->size, world->rank, strlen (text) };
  g_autofree char *said = g_malloc (sizeof hello + strlen (text));
  const int fd = reach (world, until, error);

  if (fd < 0)
    return FALSE;
  gh_peer_init (peer, fd, 0);
  memcpy (said, &hello, sizeof hello);
  memcpy (said + sizeof hello, text, strlen (text));
  /* A new socket takes this much at once; if not, rank 0 says that this rank is missing. */
  if (send (fd, said, sizeof hello + strlen (text), MSG_NOSIGNAL) < 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_PEER, "rank 0 at %s, port %d: %s", world->address, world->port,
        g_strerror (errno));
    return FALSE;
  }
  return wait_for_welcome (peer, world, until + GRACE_US, error);
}

gboolean
gh_collective_join (GhPeer *peers, const GhWorld *world, const char *text, GError **error)
{
  return world->rank == 0 ? host (peers, world, text, error) : visit (peers, world, text, error);
}
