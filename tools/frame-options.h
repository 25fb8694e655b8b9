/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * frame-options.h: the options by which a tool is told where frames to learn from come from, and what they make of a
 * GhFrameSource.
 */
#pragma once

#include "frame-source.h"

G_BEGIN_DECLS

typedef struct {
  char *images, *from, *to, *video, *source, *crop_text;
  int frames;                   /* to keep in memory; 2000 to begin with */
} GhFrameOptions;

/* Of a tool's GOptionEntry table. of_what: how the help begins, "Frames" or what else they are. */
#define GH_FRAME_OPTIONS(o, of_what) \
    { "images", 'i', 0, G_OPTION_ARG_FILENAME, &(o)->images, \
        of_what ": a folder of images, or of folders of them, such as a dataset", "DIR" }, \
    { "from", 0, 0, G_OPTION_ARG_FILENAME, &(o)->from, "First image of the folder, by name", "NAME" }, \
    { "to", 0, 0, G_OPTION_ARG_FILENAME, &(o)->to, "Last image of the folder, by name", "NAME" }, \
    { "video", 'v', 0, G_OPTION_ARG_FILENAME, &(o)->video, of_what ": a recording", "FILE|URI" }, \
    { "source", 0, 0, G_OPTION_ARG_STRING, &(o)->source, \
        of_what ": pipeline text that yields raw video, or a .pipeline file of such text", "TEXT" }, \
    { "crop", 0, 0, G_OPTION_ARG_STRING, &(o)->crop_text, "Part of the frames to look at, in pixels", "X,Y,W,H" }, \
    { "frames", 0, 0, G_OPTION_ARG_INT, &(o)->frames, \
        "Frames to keep in memory (2000); of more, half are the last ones and half a sample. From a live source, which " \
          "may never end, so many are taken", "N" }

void gh_frame_options_init (GhFrameOptions *options);
void gh_frame_options_clear (GhFrameOptions *options);

/* values: the tool's arguments that are no options, NAME=VALUE each. The source borrows from both. -1, or the status to
 * return with once stderr knows what is wrong. */
int gh_frame_options_complete (const GhFrameOptions *options, char *const *values, GhFrameSource *source);

G_END_DECLS
