/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-peer.h (private): a connection to another process of a training. Messages are a header of two 32 bit words, kind
 * and number of bytes, and those bytes. At most one is on its way out and one is wanted; nothing here blocks.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  GH_PEER_DATA = 0x47480001,    /* of a sum or a broadcast: of the size that is wanted */
  GH_PEER_BEAT = 0x47480002,    /* nothing but a sign of life */
  GH_PEER_ABORT = 0x47480003,   /* the end, and why: a sentence of at most GH_PEER_WORDS bytes */
} GhPeerKind;

#define GH_PEER_HEADER 8
#define GH_PEER_WORDS 1000

typedef struct {
  int fd, rank;
  gint64 heard;                 /* monotonic microseconds of the last bytes that came */
  guint32 out_header[2];
  const guint8 *out;            /* borrowed */
  gsize out_header_left, out_left;
  guint32 in_header[2];
  gsize in_header_got;
  guint8 *in;                   /* what is wanted, borrowed; NULL: nothing is */
  gsize in_size, in_got;
  char words[GH_PEER_WORDS + 1];        /* of an ABORT */
  char *problem;                /* a sentence: why nothing goes any more; NULL: it lives */
} GhPeer;

/* Takes fd, a connected socket. */
void gh_peer_init (GhPeer *peer, int fd, int rank);
void gh_peer_clear (GhPeer *peer);
/* What this side's sockets are set to. */
void gh_peer_prepare_fd (int fd);

/* data is borrowed until it is sent. Only when nothing is on its way. */
void gh_peer_send (GhPeer *peer, GhPeerKind kind, gconstpointer data, gsize size);
void gh_peer_want (GhPeer *peer, gpointer data, gsize size);
gboolean gh_peer_is_sending (const GhPeer *peer);
gboolean gh_peer_is_receiving (const GhPeer *peer);

/* For poll(); 0 when there is nothing to wait for. */
short gh_peer_events (const GhPeer *peer);
/* Writes and reads as much as goes. Sets problem when it can go on no longer. */
void gh_peer_pump (GhPeer *peer);
/* Takes `format` for the problem, unless there is one. */
void gh_peer_fail (GhPeer *peer, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Reads and forgets until the other side has closed, too: what was sent last is lost when a socket closes with bytes
 * unread in it. until: a monotonic time, GH_PEER_LINGER from now. */
#define GH_PEER_LINGER G_USEC_PER_SEC
void gh_peer_linger (GhPeer *peer, gint64 until);

G_END_DECLS
