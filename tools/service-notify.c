/* SPDX-License-Identifier: LGPL-2.1-or-later
 * service-notify.c: see service-notify.h. */
#include "service-notify.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
gh_service_notify (const char *state)
{
  const char *path = g_getenv ("NOTIFY_SOCKET");
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  size_t length = path ? strlen (path) : 0;
  int fd;

  if (length < 2 || length >= sizeof address.sun_path || (*path != '/' && *path != '@'))
    return;
  memcpy (address.sun_path, path, length);
  if (*path == '@')
    address.sun_path[0] = 0;    /* the abstract namespace */
  fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return;
  if (sendto (fd, state, strlen (state), MSG_NOSIGNAL, (struct sockaddr *) &address,
          offsetof (struct sockaddr_un, sun_path) + length) < 0)
    g_debug ("the service manager does not take %s", state);
  close (fd);
}

gint64
gh_service_watchdog_interval (void)
{
  const char *interval = g_getenv ("WATCHDOG_USEC"), *pid = g_getenv ("WATCHDOG_PID");

  if (!interval || !g_getenv ("NOTIFY_SOCKET") || (pid && g_ascii_strtoll (pid, NULL, 10) != getpid ()))
    return 0;
  return MAX (0, g_ascii_strtoll (interval, NULL, 10));
}

void
gh_service_watchdog_feed (void)
{
  static _Atomic gint64 last;
  gint64 interval = gh_service_watchdog_interval (), now = g_get_monotonic_time (), before = atomic_load (&last);

  if (interval > 0 && now - before >= interval / 4 && atomic_compare_exchange_strong (&last, &before, now))
    gh_service_notify ("WATCHDOG=1");
}
