/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-peer.c: see gh-peer.h. */
#include "gh-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

void
gh_peer_prepare_fd (int fd)
{
  const int on = 1;

  fcntl (fd, F_SETFL, fcntl (fd, F_GETFL) | O_NONBLOCK);
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void
gh_peer_init (GhPeer *peer, int fd, int rank)
{
  *peer = (GhPeer) { .fd = fd, .rank = rank, .heard = g_get_monotonic_time () };
  gh_peer_prepare_fd (fd);
}

void
gh_peer_clear (GhPeer *peer)
{
  if (peer->fd >= 0)
    close (peer->fd);
  g_free (peer->problem);
  *peer = (GhPeer) { .fd = -1 };
}

void
gh_peer_fail (GhPeer *peer, const char *format, ...)
{
  va_list args;

  if (peer->problem)
    return;
  va_start (args, format);
  peer->problem = g_strdup_vprintf (format, args);
  va_end (args);
}

gboolean
gh_peer_is_sending (const GhPeer *peer)
{
  return peer->out_header_left > 0 || peer->out_left > 0;
}

gboolean
gh_peer_is_receiving (const GhPeer *peer)
{
  return peer->in != NULL;
}

void
gh_peer_send (GhPeer *peer, GhPeerKind kind, gconstpointer data, gsize size)
{
  g_return_if_fail (!gh_peer_is_sending (peer) && size <= G_MAXINT32);
  peer->out_header[0] = kind;
  peer->out_header[1] = size;
  peer->out_header_left = GH_PEER_HEADER;
  peer->out = size > 0 ? data : (gconstpointer) "";
  peer->out_left = size;
}

void
gh_peer_want (GhPeer *peer, gpointer data, gsize size)
{
  g_return_if_fail (!peer->in && data != NULL && size > 0);
  peer->in = data;
  peer->in_size = size;
}

/* The header of data that nobody wants yet has been read; the data waits in the socket. */
static gboolean
has_early_data (const GhPeer *peer)
{
  return peer->in_header_got == GH_PEER_HEADER && peer->in_header[0] == GH_PEER_DATA && !peer->in;
}

short
gh_peer_events (const GhPeer *peer)
{
  if (peer->problem)
    return 0;
  return (gh_peer_is_sending (peer) ? POLLOUT : 0) | (has_early_data (peer) ? 0 : POLLIN);
}

/* What the other side said before it went may still be to be read. */
static gboolean
is_gone_for_writing (const GhPeer *peer)
{
  return (errno == EPIPE || errno == ECONNRESET) && !has_early_data (peer);
}

static void
write_some (GhPeer *peer)
{
  while (gh_peer_is_sending (peer)) {
    struct iovec pieces[2] = {
      {(char *) peer->out_header + GH_PEER_HEADER - peer->out_header_left, peer->out_header_left},
      {(void *) peer->out, peer->out_left},
    };
    struct msghdr message = { .msg_iov = pieces, .msg_iovlen = 2 };
    const gssize sent = sendmsg (peer->fd, &message, MSG_NOSIGNAL);
    gsize of_header;

    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0) {
      if (errno != EAGAIN && !is_gone_for_writing (peer))
        gh_peer_fail (peer, "rank %d cannot be reached: %s", peer->rank, g_strerror (errno));
      return;
    }
    of_header = MIN ((gsize) sent, peer->out_header_left);
    peer->out_header_left -= of_header;
    peer->out += sent - of_header;
    peer->out_left -= sent - of_header;
  }
}

/* As much as is there, up to size - *got; FALSE: no more for now. */
static gboolean
read_into (GhPeer *peer, gpointer to, gsize size, gsize *got)
{
  while (*got < size) {
    const gssize n = recv (peer->fd, (char *) to + *got, size - *got, 0);

    if (n < 0 && errno == EINTR)
      continue;
    if (n == 0 || (n < 0 && errno == ECONNRESET))
      gh_peer_fail (peer, "rank %d is gone: its connection closed without a word, as when a process is killed",
          peer->rank);
    else if (n < 0 && errno != EAGAIN)
      gh_peer_fail (peer, "rank %d cannot be reached: %s", peer->rank, g_strerror (errno));
    if (n <= 0)
      return FALSE;
    *got += n;
    peer->heard = g_get_monotonic_time ();
  }
  return TRUE;
}

static void
take_words (GhPeer *peer)
{
  g_autofree char *valid = g_utf8_make_valid (peer->words, strnlen (peer->words, peer->in_header[1]));

  for (char *c = valid; *c; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  gh_peer_fail (peer, "%s", *valid ? valid : "another process ended the training");
}

/* Where the bytes of the message go whose header is there. NULL: nowhere, now or ever. */
static gpointer
place_of_message (GhPeer *peer)
{
  const gsize size = peer->in_header[1];

  switch (peer->in_header[0]) {
    case GH_PEER_BEAT:
      if (size == 0)
        return peer->words;
      break;
    case GH_PEER_ABORT:
      if (size <= GH_PEER_WORDS)
        return peer->words;
      break;
    case GH_PEER_DATA:
      if (!peer->in || size == peer->in_size)
        return peer->in;
      gh_peer_fail (peer, "rank %d sent %" G_GSIZE_FORMAT " bytes where %" G_GSIZE_FORMAT " belong: it runs another "
          "training, or another version", peer->rank, size, peer->in_size);
      return NULL;
  }
  gh_peer_fail (peer, "rank %d sent what is no message of a training", peer->rank);
  return NULL;
}

static void
read_some (GhPeer *peer)
{
  while (!peer->problem) {
    gpointer place;

    if (!read_into (peer, peer->in_header, GH_PEER_HEADER, &peer->in_header_got)
        || !(place = place_of_message (peer)) || !read_into (peer, place, peer->in_header[1], &peer->in_got))
      return;
    if (peer->in_header[0] == GH_PEER_ABORT)
      take_words (peer);
    else if (peer->in_header[0] == GH_PEER_DATA)
      peer->in = NULL;
    peer->in_header_got = peer->in_got = 0;
  }
}

void
gh_peer_pump (GhPeer *peer)
{
  if (peer->problem)
    return;
  write_some (peer);
  if (!has_early_data (peer))
    read_some (peer);
}

void
gh_peer_linger (GhPeer *peer, gint64 until)
{
  char unread[4096];
  gint64 left;

  while (peer->fd >= 0 && (left = until - g_get_monotonic_time ()) > 0) {
    struct pollfd wanted = { peer->fd, POLLIN, 0 };

    if (poll (&wanted, 1, left / 1000 + 1) > 0 && recv (peer->fd, unread, sizeof unread, 0) <= 0)
      return;
  }
}
