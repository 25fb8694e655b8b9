/* SPDX-License-Identifier: LGPL-2.1-or-later
 * leaks.h: what a thread allocates between the two is no leak to LeakSanitizer: libsoup's server keeps the addresses of its
 * sockets, and connections whose answers were never whole when it goes.
 */
#pragma once

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

static inline void
ignore_leaks (void)
{
#ifdef __SANITIZE_ADDRESS__
  __lsan_disable ();
#endif
}

static inline void
mind_leaks (void)
{
#ifdef __SANITIZE_ADDRESS__
  __lsan_enable ();
#endif
}
