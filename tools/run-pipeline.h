/* SPDX-License-Identifier: LGPL-2.1-or-later
 * run-pipeline.h: the words of a pipeline file made into a pipeline, or what is wrong with them said with file and line. */
#pragma once

#include "pipeline-file.h"

#include <gst/gst.h>

G_BEGIN_DECLS

/* text: what the file says with its variables filled in. GH_EXIT_OK with *pipeline, the caller's; or the status to return
 * with, after words on stderr. */
int gh_run_pipeline_new (const GhPipelineFile *file, const char *text, GstElement **pipeline);

G_END_DECLS
