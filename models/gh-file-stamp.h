/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-file-stamp.h: one number for which file lies under a name: the same as long as nobody has replaced or changed it.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of inode, size and time of the last change, by a stat, which works on every file system. 0: there is no such file. */
guint64 gh_file_stamp (const char *path);

G_END_DECLS
