/* SPDX-License-Identifier: LGPL-2.1-or-later
 * full-device.h: is /dev/full the device that is always full? A bare chroot may lack it, and a test of a full disk would
 * then write a file of that name. */
#pragma once

#include <glib.h>
#include <sys/stat.h>

static inline gboolean
has_full_device (void)
{
  struct stat info;

  if (stat ("/dev/full", &info) == 0 && S_ISCHR (info.st_mode))
    return TRUE;
  g_print ("/dev/full is no device here: the full disk is left out\n");
  return FALSE;
}
