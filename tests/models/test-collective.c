/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-collective.c: sums over several processes, exact and the same for all; what a process that dies, hangs, leaves
 * or does not belong there does to the others.
 */
#include "processes.h"
#include "models/gh-collective-private.h"
#include "models/gh-random.h"

#include <string.h>

#define TEXT "{\"dim\":16,\"batch\":8,\"seed\":1}"
/* Longer than any call may take, whatever happens. */
#define LIMIT (30 * G_USEC_PER_SEC)

static GhWorld
world_of (int rank, int size, int port)
{
  GhWorld world;

  gh_world_init (&world);
  world.rank = rank;
  world.size = size;
  world.address = (char *) "127.0.0.1";
  world.port = port;
  return world;
}

static GhCollective *
join (int rank, int size, int port)
{
  const GhWorld world = world_of (rank, size, port);
  g_autoptr (GError) error = NULL;
  GhCollective *collective = gh_collective_new (&world, TEXT, &error);

  g_assert_no_error (error);
  g_assert_cmpint (gh_collective_rank (collective), ==, rank);
  g_assert_cmpint (gh_collective_size (collective), ==, size);
  return collective;
}

static void
assert_lost (const GError *error, const char *words)
{
  g_assert_error (error, GH_ERROR, GH_ERROR_PEER);
  if (!strstr (error->message, words))
    g_error ("\"%s\" does not say \"%s\"", error->message, words);
}

static gboolean
barrier (GhCollective *collective)
{
  g_autoptr (GError) error = NULL;

  gh_collective_barrier (collective, &error);
  g_assert_no_error (error);
  return TRUE;
}

/* The next call fails in time and says so, and all after it. */
static void
expect_lost (GhCollective *collective, const char *words)
{
  const gint64 start = g_get_monotonic_time ();
  float x[3] = { 1, 2, 3 };

  for (int i = 0; i < 2; i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_collective_sum (collective, x, 3, &error));
    assert_lost (error, words);
  }
  g_assert_cmpint (g_get_monotonic_time () - start, <, LIMIT);
}

/* ---- what it is for ---------------------------------------------------------------------------------------------- */

/* Of very different sizes, so that another order of the sum is another sum. */
static void
fill (float *x, gsize n, int rank, guint round)
{
  guint64 random = gh_splitmix_substream (gh_splitmix_stream (rank + 1, "sum"), round);

  for (gsize i = 0; i < n; i++)
    x[i] = (float) ((gh_splitmix_double (&random) - 0.5) * (1 << gh_splitmix_below (&random, 30)));
}

static void
sum (int rank, int size, int port, gconstpointer data)
{
  static const gsize sizes[] = { 0, 1, 2, 7, 1023, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 700001, 3 };
  g_autoptr (GhCollective) collective = join (rank, size, port);
  const gsize most = 700001;
  g_autofree float *x = g_new (float, most), *other = g_new (float, most), *expected = g_new (float, most);

  for (guint round = 0; round < G_N_ELEMENTS (sizes); round++) {
    const gsize n = sizes[round];
    g_autoptr (GError) error = NULL;

    fill (expected, n, 0, round);
    for (int r = 1; r < size; r++) {
      fill (other, n, r, round);
      for (gsize i = 0; i < n; i++)
        expected[i] += other[i];
    }
    fill (x, n, rank, round);
    gh_collective_sum (collective, x, n, &error);
    g_assert_no_error (error);
    g_assert_cmpmem (x, n * sizeof *x, expected, n * sizeof *x);
  }
  barrier (collective);
}

static void
test_sum (gconstpointer size)
{
  processes_run (sum, GPOINTER_TO_INT (size), NULL);
}

static void
broadcast (int rank, int size, int port, gconstpointer data)
{
  static const gsize sizes[] = { 0, 1, 4097, (1 << 20) + 5, 3 };
  g_autoptr (GhCollective) collective = join (rank, size, port);
  g_autofree guint8 *x = g_malloc ((1 << 20) + 5);

  for (guint round = 0; round < G_N_ELEMENTS (sizes); round++) {
    g_autoptr (GError) error = NULL;

    for (gsize i = 0; i < sizes[round]; i++)
      x[i] = rank == 0 ? i * 7 + round : 0xee;
    gh_collective_broadcast (collective, x, sizes[round], &error);
    g_assert_no_error (error);
    for (gsize i = 0; i < sizes[round]; i++)
      g_assert_cmpint (x[i], ==, (guint8) (i * 7 + round));
  }
}

static void
test_broadcast (void)
{
  processes_run (broadcast, 4, NULL);
}

/* ---- one of them is lost ----------------------------------------------------------------------------------------- */

static void
one_dies (int rank, int size, int port, gconstpointer victim)
{
  const int dead = GPOINTER_TO_INT (victim);
  g_autoptr (GhCollective) collective = join (rank, size, port);
  g_autofree char *words = g_strdup_printf ("rank %d is gone", dead);

  barrier (collective);
  if (rank == dead)
    raise (SIGKILL);
  expect_lost (collective, words);
}

static void
test_dead (gconstpointer victim)
{
  const int port = processes_free_port (), dead = GPOINTER_TO_INT (victim);
  GPid pids[3];

  for (int rank = 0; rank < 3; rank++)
    pids[rank] = processes_fork (one_dies, rank, 3, port, victim);
  for (int rank = 0; rank < 3; rank++)
    processes_expect (pids[rank], rank == dead ? SIGKILL : 0);
}

static void
one_hangs (int rank, int size, int port, gconstpointer victim)
{
  GhWorld world = world_of (rank, size, port);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhCollective) collective = NULL;

  world.silence_seconds = 3;
  collective = gh_collective_new (&world, TEXT, &error);
  g_assert_no_error (error);
  barrier (collective);
  if (rank == GPOINTER_TO_INT (victim))
    raise (SIGSTOP);
  expect_lost (collective, "no sign of life for 3 seconds");
}

static void
test_hanging (gconstpointer victim)
{
  const int port = processes_free_port (), stopped = GPOINTER_TO_INT (victim);
  GPid pids[3];

  for (int rank = 0; rank < 3; rank++)
    pids[rank] = processes_fork (one_hangs, rank, 3, port, victim);
  for (int rank = 0; rank < 3; rank++)
    if (rank != stopped)
      processes_expect (pids[rank], 0);
  kill (pids[stopped], SIGKILL);
  processes_expect (pids[stopped], SIGKILL);
}

/* Much longer than one may be silent. */
static void
one_is_slow (int rank, int size, int port, gconstpointer data)
{
  GhWorld world = world_of (rank, size, port);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhCollective) collective = NULL;

  world.silence_seconds = 3;
  collective = gh_collective_new (&world, TEXT, &error);
  g_assert_no_error (error);
  for (int slow = 0; slow < 2; slow++) {
    if (rank == slow)
      g_usleep (8 * G_USEC_PER_SEC);
    barrier (collective);
  }
}

static void
test_slow (void)
{
  processes_run (one_is_slow, 3, NULL);
}

static void
one_leaves (int rank, int size, int port, gconstpointer leaver)
{
  g_autoptr (GhCollective) collective = join (rank, size, port);
  g_autofree char *words = g_strdup_printf ("rank %d gave up: its disk is full", GPOINTER_TO_INT (leaver));

  barrier (collective);
  if (rank == GPOINTER_TO_INT (leaver))
    gh_collective_leave (collective, "its disk is full");
  expect_lost (collective, words);
}

static void
test_leave (gconstpointer leaver)
{
  processes_run (one_leaves, 3, leaver);
}

static gpointer
cancel_soon (gpointer collective)
{
  g_usleep (G_USEC_PER_SEC / 5);
  gh_collective_cancel (collective);
  return NULL;
}

/* Rank 1 waits for rank 0, which does not come, until it is stopped. */
static void
one_is_stopped (int rank, int size, int port, gconstpointer data)
{
  g_autoptr (GhCollective) collective = join (rank, size, port);
  GThread *thread = NULL;

  barrier (collective);
  if (rank == 1)
    thread = g_thread_new ("cancel", cancel_soon, collective);
  else
    g_usleep (2 * G_USEC_PER_SEC);
  expect_lost (collective, "rank 1 was stopped");
  if (thread)
    g_thread_join (thread);
}

static void
test_cancel (void)
{
  processes_run (one_is_stopped, 2, NULL);
}

/* ---- who does not belong there ----------------------------------------------------------------------------------- */

typedef struct {
  const char *name, *text;
  GhHello hello;
  const char *words;            /* what both sides are told */
} Misfit;

#define HELLO(version, size, rank, text) { GH_COLLECTIVE_MAGIC, 0x01020304, version, size, rank, sizeof (text) - 1 }
#define OTHER "{\"dim\":16,\"batch\":4,\"seed\":1}"

static const Misfit misfits[] = {
  {"version", "", HELLO (GH_COLLECTIVE_VERSION + 1, 2, 1, ""), "rank 1 speaks version 2, rank 0 version 1"},
  {"size", TEXT, HELLO (GH_COLLECTIVE_VERSION, 3, 1, TEXT),
    "rank 1 is of a training in 3 processes, rank 0 of one in 2"},
  {"rank-0", TEXT, HELLO (GH_COLLECTIVE_VERSION, 2, 0, TEXT), "a second process calls itself rank 0"},
  {"rank-2", TEXT, HELLO (GH_COLLECTIVE_VERSION, 2, 2, TEXT), "calls itself rank 2 of 2"},
  {"text", OTHER, HELLO (GH_COLLECTIVE_VERSION, 2, 1, OTHER), "it has \"batch\":4, rank 0 has \"batch\":8"},
  {"no-text", "", HELLO (GH_COLLECTIVE_VERSION, 2, 1, ""), "rank 1 trains something else"},
  {"order", "", { GH_COLLECTIVE_MAGIC, 0x04030201, 0, 0, 0, 0 }, "the other byte order"},
};

static int
connect_raw (int port)
{
  const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    .sin_port = htons (port) };

  for (int i = 0; i < 600; i++) {
    int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect (fd, (const struct sockaddr *) &address, sizeof address) == 0)
      return fd;
    close (fd);
    g_usleep (50 * 1000);
  }
  g_error ("nobody listens");
}

static void
say (int fd, gconstpointer data, gsize size)
{
  g_assert_cmpint (send (fd, data, size, MSG_NOSIGNAL), ==, size);
}

/* Rank 0, and one that does not fit: both hear why. */
static void
meet_misfit (int rank, int size, int port, gconstpointer data)
{
  const Misfit *m = data;
  const GhWorld world = world_of (0, size, port);
  g_autoptr (GError) error = NULL;
  char heard[2000] = "";
  gsize got = 0;
  gssize n;
  int fd;

  if (rank == 0) {
    g_assert_null (gh_collective_new (&world, TEXT, &error));
    g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
    g_assert_nonnull (strstr (error->message, m->words));
    return;
  }
  fd = connect_raw (port);
  say (fd, &m->hello, sizeof m->hello);
  say (fd, m->text, strlen (m->text));
  while (got < sizeof heard - 1 && (n = recv (fd, heard + got, sizeof heard - 1 - got, 0)) > 0)
    got += n;
  g_assert_cmpint (got, >, GH_PEER_HEADER);
  g_assert_nonnull (strstr (heard + GH_PEER_HEADER, m->words));
  close (fd);
}

static void
test_misfit (gconstpointer misfit)
{
  processes_run (meet_misfit, 2, misfit);
}

/* One that has other options, through the front door. */
static void
meet_other_options (int rank, int size, int port, gconstpointer data)
{
  const GhWorld world = world_of (rank, size, port);
  g_autoptr (GError) error = NULL;

  g_assert_null (gh_collective_new (&world, rank == 1 ? OTHER : TEXT, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  g_assert_nonnull (strstr (error->message, "it has \"batch\":4, rank 0 has \"batch\":8"));
}

static void
test_other_options (void)
{
  processes_run (meet_other_options, 2, NULL);
}

/* Rank 2 is a crowd of strangers; ranks 0 and 1 find each other all the same. */
static void
meet_strangers (int rank, int size, int port, gconstpointer data)
{
  guint64 random = 3;
  int fds[40];

  if (rank < 2) {
    g_autoptr (GhCollective) collective = NULL;

    g_usleep (rank * G_USEC_PER_SEC);
    collective = join (rank, 2, port);
    barrier (collective);
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++) {
    GhHello hello = HELLO (GH_COLLECTIVE_VERSION, 2, 1, TEXT);
    guint8 noise[300];

    fds[i] = connect_raw (port);
    for (guint k = 0; k < sizeof noise; k++)
      noise[k] = gh_splitmix_below (&random, 256);
    hello.text_length = G_MAXUINT32;
    if (i % 4 == 0)
      send (fds[i], noise, sizeof noise, MSG_NOSIGNAL);
    else if (i % 4 == 1)
      send (fds[i], &hello, sizeof hello, MSG_NOSIGNAL);
    else if (i % 4 == 2)
      send (fds[i], "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
    else
      send (fds[i], GH_COLLECTIVE_MAGIC, 8, MSG_NOSIGNAL);
    if (i % 4 == 3)
      close (fds[i]);
  }
}

static void
test_strangers (void)
{
  processes_run (meet_strangers, 3, NULL);
}

/* Says hello as it should, and then what it should not. */
static void
turn_bad (int rank, int size, int port, gconstpointer data)
{
  const GhHello hello = HELLO (GH_COLLECTIVE_VERSION, 2, 1, TEXT);
  const guint32 longer[2] = { GH_PEER_DATA, 4000 }, endless[2] = { GH_PEER_ABORT, G_MAXUINT32 };
  const guint32 beat[2] = { GH_PEER_BEAT, 1 }, none[2] = { 0x47480009, 0 };
  const guint32 *headers[] = { longer, endless, beat, none };
  const char *const words[] = { "rank 1 sent 4000 bytes where 4 belong", "no message", "no message", "no message" };
  const int i = GPOINTER_TO_INT (data);
  int fd;

  if (rank == 0) {
    g_autoptr (GhCollective) collective = join (rank, size, port);
    g_autoptr (GError) error = NULL;

    g_assert_false (gh_collective_barrier (collective, &error));
    assert_lost (error, words[i]);
    return;
  }
  fd = connect_raw (port);
  say (fd, &hello, sizeof hello);
  say (fd, TEXT, strlen (TEXT));
  say (fd, headers[i], sizeof longer);
  g_usleep (G_USEC_PER_SEC);
  close (fd);
}

static void
test_turn_bad (gconstpointer data)
{
  processes_run (turn_bad, 2, data);
}

/* What listens there is something else. */
static void
meet_server (int rank, int size, int port, gconstpointer data)
{
  const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK),
    .sin_port = htons (port) };
  const GhWorld world = world_of (1, 2, port);
  g_autoptr (GError) error = NULL;
  const int on = 1;
  int listener, fd;

  if (rank == 1) {
    g_assert_null (gh_collective_new (&world, TEXT, &error));
    assert_lost (error, "did not answer as rank 0 of a training does");
    return;
  }
  listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt (listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  g_assert_cmpint (bind (listener, (const struct sockaddr *) &address, sizeof address), ==, 0);
  g_assert_cmpint (listen (listener, 5), ==, 0);
  fd = accept (listener, NULL, NULL);
  send (fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL);
  g_usleep (G_USEC_PER_SEC);
  close (fd);
  close (listener);
}

static void
test_server (void)
{
  processes_run (meet_server, 2, NULL);
}

/* ---- who does not come ------------------------------------------------------------------------------------------- */

static void
miss_one (int rank, int size, int port, gconstpointer missing)
{
  GhWorld world = world_of (rank, size, port);
  g_autoptr (GError) error = NULL;

  if (rank == GPOINTER_TO_INT (missing))
    return;
  world.join_seconds = 3;
  g_assert_null (gh_collective_new (&world, TEXT, &error));
  g_assert_nonnull (strstr (error->message, rank == 0 || GPOINTER_TO_INT (missing) > 0 ? "rank 2 did not come"
          : "rank 0 cannot be reached"));
}

static void
test_missing (gconstpointer missing)
{
  processes_run (miss_one, 3, missing);
}

static void
test_no_address (void)
{
  GhWorld world = world_of (0, 2, 1);
  g_autoptr (GError) error = NULL;

  world.address = (char *) "203.0.113.7";       /* of nobody here (RFC 5737) */
  g_assert_null (gh_collective_new (&world, TEXT, &error));
  g_assert_error (error, GH_ERROR, GH_ERROR_UNSUITABLE);
  g_assert_nonnull (strstr (error->message, "cannot listen at 203.0.113.7, port 1"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  for (int size = 2; size <= 5; size++) {
    g_autofree char *path = g_strdup_printf ("/collective/sum/%d", size);

    g_test_add_data_func (path, GINT_TO_POINTER (size), test_sum);
  }
  g_test_add_func ("/collective/broadcast", test_broadcast);
  for (int rank = 0; rank < 3; rank++) {
    g_autofree char *dead = g_strdup_printf ("/collective/dead/%d", rank);
    g_autofree char *hanging = g_strdup_printf ("/collective/hanging/%d", rank);
    g_autofree char *leave = g_strdup_printf ("/collective/leave/%d", rank);

    g_test_add_data_func (dead, GINT_TO_POINTER (rank), test_dead);
    g_test_add_data_func (leave, GINT_TO_POINTER (rank), test_leave);
    if (rank < 2)
      g_test_add_data_func (hanging, GINT_TO_POINTER (rank), test_hanging);
  }
  g_test_add_func ("/collective/slow", test_slow);
  g_test_add_func ("/collective/cancel", test_cancel);
  for (guint i = 0; i < G_N_ELEMENTS (misfits); i++) {
    g_autofree char *path = g_strconcat ("/collective/misfit/", misfits[i].name, NULL);

    g_test_add_data_func (path, &misfits[i], test_misfit);
  }
  g_test_add_func ("/collective/other-options", test_other_options);
  g_test_add_func ("/collective/strangers", test_strangers);
  for (int i = 0; i < 4; i++) {
    g_autofree char *path = g_strdup_printf ("/collective/turn-bad/%d", i);

    g_test_add_data_func (path, GINT_TO_POINTER (i), test_turn_bad);
  }
  g_test_add_func ("/collective/server", test_server);
  g_test_add_data_func ("/collective/missing/0", GINT_TO_POINTER (0), test_missing);
  g_test_add_data_func ("/collective/missing/2", GINT_TO_POINTER (2), test_missing);
  g_test_add_func ("/collective/no-address", test_no_address);
  return g_test_run ();
}
