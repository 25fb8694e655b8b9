/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * head-frames.h: which images a head learned from, as its file tells ("frames"): it is never to be judged by those. When a
 * label came is no answer to that: one that is corrected, or only said once more, is new, and its image is not.
 */
#pragma once

#include "models/gh-head.h"

G_BEGIN_DECLS

/* Of a head nobody else holds yet, before it is saved. Of files[n] the names count, not their folders. */
void gh_head_record_frames (GhHead *head, char *const *files, guint n);

/* For gh_head_frames_have(), to be unreferenced. NULL when the head does not tell. */
GHashTable *gh_head_frames (const GhHead *head);
gboolean gh_head_frames_have (GHashTable *frames, const char *file);

G_END_DECLS
