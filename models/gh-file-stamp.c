/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-file-stamp.c: see gh-file-stamp.h. */
#include "gh-file-stamp.h"

#include <glib/gstdio.h>

guint64
gh_file_stamp (const char *path)
{
  GStatBuf state;
  guint64 stamp = 1;

  if (g_stat (path, &state) != 0)
    return 0;
  stamp = stamp * 1000003 + state.st_ino;
  stamp = stamp * 1000003 + (guint64) state.st_mtim.tv_sec;
  stamp = stamp * 1000003 + (guint64) state.st_mtim.tv_nsec;
  stamp = stamp * 1000003 + (guint64) state.st_size;
  return MAX (stamp, 1);
}
