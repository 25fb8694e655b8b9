/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * frame-source.h: where the frames to learn from come from: a folder of images, a media file or address, or the text of
 * a pipeline. All of them end up in a GhFrameStore, scaled as mae-encoder scales.
 */
#pragma once

#include "image-folder.h"
#include "models/gh-frame-store.h"

G_BEGIN_DECLS

/* Exactly one of the first three is set. */
typedef struct {
  const char *images;           /* a folder; files in the order of their names */
  const char *video;            /* a file or URI */
  const char *source;           /* pipeline text that yields raw video, or NAME.pipeline with such a text */
  const char *from, *to;        /* images: first and last name to use; NULL: no bound */
  char *const *values;          /* source: NAME=VALUE for its variables, NULL-terminated */
  GhCrop crop;                  /* width 0: all of the picture */
} GhFrameSource;

/* Pushes every frame; of a live source, which may never end, as many as the store holds. Images that cannot be read are
 * left out, stderr tells how many and of the first five which and why; more than a tenth of them are an error. Shows progress; G_IO_ERROR_CANCELLED after Ctrl-C.
 * Errors name the file, or are those of the pipeline's elements. The same source gives the same frames in the same
 * order. */
gboolean gh_frame_source_fill (const GhFrameSource *source, GhFrameStore *store, GError **error);

/* "812 frames of mall/frames": for people and the record, so without passwords; of an address only its host. */
char *gh_frame_source_describe (const GhFrameSource *source, guint64 frames);

G_END_DECLS
