/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pipeline-file.h (private): *.pipeline files, the pipelines people keep.
 *
 * The text is what gst-launch-1.0 takes, over as many lines as it likes, with three additions:
 *   # ...             a comment, from a # at the start of a line or after a blank to the end of the line; the block of
 *                     comments at the top of the file describes it
 *   ${NAME}           the variable NAME, given as NAME=VALUE; without a value and a default it is an error
 *   ${NAME:-default}  the same with a default, which also stands for every other ${NAME} of the file; a default may
 *                     hold variables; \} is a brace in it
 *   ${@NAME:-...}     a variable whose value is pipeline text (elements, links, properties) and goes in as it is
 *   $$                a dollar sign
 * and a backslash at the end of a line may stay where a line of a shell was pasted.
 *
 * Any value but that of a ${@NAME} is one word: blanks, quotes, ! and the other signs of the syntax are escaped in it,
 * so no value can add elements or properties to the pipeline. A "quoted string" that holds a variable is one word too.
 * (Two things GStreamer does itself to any value: NULL is no string, and quotes around all of it are taken off.)
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct {
  char *name;
  char *fallback;               /* as written, unexpanded; NULL when the file gives none */
  int line;                     /* of its first use */
} GhPipelineVar;

typedef struct {
  char *path;
  char *text;
  char *about;                  /* the comments at the top, without their # */
  GPtrArray *vars;              /* GhPipelineVar, in order of first use */
} GhPipelineFile;

/* name: a path, or the name of a file (with or without ".pipeline") in the working folder, a folder of
 * $GST_HEADS_PIPELINE_PATH or the installed pipelines folder; "-" reads standard input. The errors (domain GH_ERROR)
 * name the file and the line. */
GhPipelineFile *gh_pipeline_file_load (const char *name, GError **error);
/* The same from a text; path is for messages. */
GhPipelineFile *gh_pipeline_file_parse (const char *path, const char *text, GError **error);
void gh_pipeline_file_free (GhPipelineFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhPipelineFile, gh_pipeline_file_free)

/* values: char* -> char*. Refuses names the file does not use, so that a typing error does not pass unseen. Lines stay
 * lines. Free with g_free(). */
char *gh_pipeline_file_expand (const GhPipelineFile *file, GHashTable *values, GError **error);

/* The first line, counted from 1, that holds `word` as a word outside comments; 0 when there is none. */
int gh_pipeline_file_line_of (const GhPipelineFile *file, const char *word);

/* The folders that are searched, best first, NULL-terminated. Free with g_strfreev(). */
char **gh_pipeline_folders (void);

G_END_DECLS
