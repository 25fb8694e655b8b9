/* SPDX-License-Identifier: LGPL-2.1-or-later
 * trainer-rig.h: mae-trainer on a model so small that a step takes a few milliseconds, and the same training by
 * models/. */
#pragma once

#include "mae-test.h"
#include "models/gh-mae-trainer.h"

enum { W = 48, H = 32, BATCH = 2, STEPS = 6, FRAMES = 9 };

#define CAPS "video/x-raw,format=I420,width=80,height=60,framerate=25/1"

typedef struct {
  MaeTest test;
  gchar *config_file, *location, *checkpoint;   /* in the test's folder */
  GstElement *element;          /* set to rig_config() and rig_options(), to write to location; NULL once it starts */
  GstHarness *h;                /* NULL until then */
} TrainerRig;

/* Of the test that runs. */
extern TrainerRig rig;

/* A test case with it. */
TCase *rig_case (void);

GstBus *rig_start (void);       /* borrowed */
void rig_push_frames (guint from, guint n);
gboolean rig_push_eos (void);
/* The oldest error is this one. */
void rig_expect_error (GstBus *bus, GQuark domain, gint code, const gchar *says);

GhMaeConfig rig_config (void);
GhMaeTrainOptions rig_options (void);
/* A store with the frames 0..n-1 as the element scales them. */
GhFrameStore *rig_store (guint n, guint capacity);
/* Compares the file at location with what this training gives, its embedding fitted to the frames of the store. */
void rig_check_result (GhMaeTrainer *trainer, GhFrameStore *store, const GhMaeExport *how);
/* The same for all FRAMES and the options as they are. */
void rig_check_default_result (void);
