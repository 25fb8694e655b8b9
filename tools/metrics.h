/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * metrics.h (private): numbers in the text format of Prometheus, version 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

typedef struct _GhMetrics GhMetrics;

GhMetrics *gh_metrics_new (void);
void gh_metrics_free (GhMetrics *metrics);

/* One sample, of a counter if its name ends in _total; pairs of a label's name and value, then NULL. Names may hold any
 * characters: what the format does not allow becomes _. Samples of one name are kept together. */
void gh_metrics_add (GhMetrics *metrics, const char *name, double value, ...) G_GNUC_NULL_TERMINATED;

/* Of this process: processor seconds, resident bytes, open files, threads, start time. */
void gh_metrics_add_process (GhMetrics *metrics);

/* Every number in the "stats" or "statistics" of every element in the bin: gst_mae_encoder_encoded_total{element="name"}.
 * Counters end in _total, where the element is one of ours. Those of a structure inside it carry its key as a label. */
void gh_metrics_add_elements (GhMetrics *metrics, GstBin *bin);

/* The text; metrics is empty after it. */
char *gh_metrics_text (GhMetrics *metrics);

G_END_DECLS
