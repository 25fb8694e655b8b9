/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * processes.h: several processes of one training in a test: forked, so before the test has threads. Each ends by itself
 * or is killed in the end; one that fails an assertion fails the test.
 */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESS_SECONDS = 100 };

static inline int
processes_free_port (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (fd, (struct sockaddr *) &address, size), ==, 0);
  g_assert_cmpint (getsockname (fd, (struct sockaddr *) &address, &size), ==, 0);
  close (fd);
  return ntohs (address.sin_port);
}

typedef void (*ProcessBody) (int rank, int size, int port, gconstpointer data);

static inline GPid
processes_fork (ProcessBody body, int rank, int size, int port, gconstpointer data)
{
  GPid pid = fork ();

  g_assert_cmpint (pid, >=, 0);
  if (pid > 0)
    return pid;
  alarm (PROCESS_SECONDS);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  body (rank, size, port, data);
  _exit (0);
}

static inline void
processes_expect (GPid pid, int killed_by)
{
  int status;

  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (killed_by)
    g_assert_true (WIFSIGNALED (status) && WTERMSIG (status) == killed_by);
  else
    g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
}

/* All of them, each of which has to end well. */
static inline void
processes_run (ProcessBody body, int size, gconstpointer data)
{
  const int port = processes_free_port ();
  g_autofree GPid *pids = g_new (GPid, size);

  for (int rank = 0; rank < size; rank++)
    pids[rank] = processes_fork (body, rank, size, port, data);
  for (int rank = 0; rank < size; rank++)
    processes_expect (pids[rank], 0);
}
