/* SPDX-License-Identifier: LGPL-2.1-or-later
 * resident-memory.h: how much memory this process holds. */
#pragma once

#include <glib.h>
#include <stdio.h>
#include <unistd.h>

/* In kB. 0 under AddressSanitizer, which keeps freed memory and finds leaks itself. */
static inline glong
resident_kb (void)
{
  long pages = 0;
#ifndef __SANITIZE_ADDRESS__
  FILE *file = fopen ("/proc/self/statm", "r");

  if (file && fscanf (file, "%*d %ld", &pages) != 1)
    pages = 0;
  if (file)
    fclose (file);
#endif
  return pages * (sysconf (_SC_PAGESIZE) / 1024);
}
