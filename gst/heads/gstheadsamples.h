/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadsamples.h: labelled embeddings of one encoder, collected for training, and the state of the collection as the
 * data of a training.
 */
#pragma once

#include "gst/lib/heads.h"
#include "gstlabelsource.h"
#include "models/gh-head-train.h"

G_BEGIN_DECLS

typedef struct {
  gint dim;
  gchar *model_id, *encoder_file;       /* NULL before the first sample; the file also where it is unknown */
  GArray *embeddings;           /* float [n,dim] */
  GArray *labels;               /* double [n]: numbers, or places in names */
  GArray *times;                /* GstClockTime [n]: running time */
  GPtrArray *names;             /* of classes, in the order they came */
} GstHeadSamples;

void gst_head_samples_init (GstHeadSamples *samples);
void gst_head_samples_clear (GstHeadSamples *samples);
/* Forgets everything; ready for another encoder. */
void gst_head_samples_reset (GstHeadSamples *samples);

guint gst_head_samples_count (const GstHeadSamples *samples);
/* Whether the embedding comes from the encoder of the samples so far; also when there is none. */
gboolean gst_head_samples_fit (const GstHeadSamples *samples, const GstMaeEmbedding *embedding);
/* Adds one that fits; with `most` samples held (0: no bound) the oldest goes. FALSE when the embedding cannot be
 * read. */
gboolean gst_head_samples_add (GstHeadSamples *samples, const GstMaeEmbedding *embedding, const GstLabel *label,
    GstClockTime time, guint most);

/* A copy that a training may use from another thread. */
typedef struct {
  GhHeadData data;
  gfloat *embeddings;
  gdouble *labels;
  gint *groups;
  gchar **classes;
  gchar *task, *unit, *model_id, *encoder_file;
} GstHeadTrainingSet;

/* group_duration: samples within so much of running time are held out together; 0: each by itself. */
GstHeadTrainingSet *gst_head_training_set_new (const GstHeadSamples *samples, GhHeadKind kind, const gchar *task,
    const gchar *unit, GstClockTime group_duration);
void gst_head_training_set_free (GstHeadTrainingSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GstHeadTrainingSet, gst_head_training_set_free)

G_END_DECLS
