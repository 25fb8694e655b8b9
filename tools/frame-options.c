/* SPDX-License-Identifier: LGPL-2.1-or-later
 * frame-options.c: see the header. */
#include "frame-options.h"
#include "tools.h"

#include <string.h>

void
gh_frame_options_init (GhFrameOptions *o)
{
  *o = (GhFrameOptions) { .frames = 2000 };
}

void
gh_frame_options_clear (GhFrameOptions *o)
{
  g_free (o->images);
  g_free (o->from);
  g_free (o->to);
  g_free (o->video);
  g_free (o->source);
  g_free (o->crop_text);
}

int
gh_frame_options_complete (const GhFrameOptions *o, char *const *values, GhFrameSource *source)
{
  g_autoptr (GError) error = NULL;
  int n = !!o->images + !!o->video + !!o->source;

  if (n != 1)
    return gh_tool_fail (GH_EXIT_USAGE, n ? "only one of --images, --video and --source says where frames come from"
        : "where do the frames come from? --images, --video or --source (see --help)");
  if ((o->from || o->to) && !o->images)
    return gh_tool_fail (GH_EXIT_USAGE, "--from and --to choose images of a folder, --images");
  for (char *const *value = values; *value; value++)
    if (!strchr (*value, '=') || !o->source || !g_str_has_suffix (o->source, ".pipeline"))
      return gh_tool_fail (GH_EXIT_USAGE, "\"%s\" is neither an option nor NAME=VALUE for a .pipeline file", *value);
  *source = (GhFrameSource) { o->images, o->video, o->source, o->from, o->to, values };
  if (o->crop_text && !gh_crop_parse (&source->crop, o->crop_text, &error))
    return gh_tool_fail (GH_EXIT_USAGE, "--crop: %s", error->message);
  if (o->frames < 2)
    return gh_tool_fail (GH_EXIT_USAGE, "--frames=%d: at least 2 are needed", o->frames);
  return -1;
}
