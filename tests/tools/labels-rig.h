/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * labels-rig.h: a dataset that is being written, frames of it that were uploaded to the Scale server on the loopback, and
 * gst-heads labels run on it as a process of its own.
 */
#pragma once

#include "gst/dataset/catalogue.h"
#include "tests/scale/scale-client.h"

G_BEGIN_DECLS

#define RIG_PROJECT "gate"

typedef struct {
  char *folder, *dataset;       /* the dataset lies in the folder */
  Catalogue *catalogue;         /* open for writing all the time, as a capture has it */
  ScaleServer *server;
  GPtrArray *frames;            /* ids */
  GPtrArray *sums;              /* of their images */
} Rig;

/* The command under test; NULL once main() forgot. */
extern const char *rig_command;

void rig_init (Rig *rig, gboolean strip_metadata);
void rig_clear (Rig *rig);
/* Stores and uploads so many frames; the truth has number % 4 boxes of "person" in each. */
void rig_add_frames (Rig *rig, guint n);
/* A batch of all that is not in one yet, as the dashboard makes it, and people have answered. */
void rig_label (Rig *rig, const char *batch, gboolean with_metadata);

typedef struct {
  int status;                   /* of the process; -1: killed by a signal */
  char *out, *err;
} Ran;

/* gst-heads labels ARGUMENTS, with key (NULL: none); the strings end with NULL. */
void rig_run (Ran *ran, const char *key, const char *const *arguments);
/* The same with every log domain of GLib printed, to ran->out. */
void rig_run_verbose (Ran *ran, const char *key, const char *const *arguments);
void ran_clear (Ran *ran);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ran, ran_clear)
/* labels pull of the rig's dataset from this address, as JSON; extra: one more argument or NULL. */
void rig_pull (Rig *rig, Ran *ran, const char *url, const char *extra);
/* A number of the report that --json prints. */
gint64 ran_number (const Ran *ran, const char *member);

/* Every label and task of the dataset as text, in a fixed order; free it. */
char *rig_dump (Rig *rig);
/* "TASK=VALUE ORIGIN" lines of a frame; free it. */
char *rig_labels_of (Rig *rig, const char *frame);

G_END_DECLS
