/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-head-networks.h (private): an ensemble of small MLPs on the leading principal components, for one fit. Each
 * network leaves one part of the labels out, so what the networks say about the parts they have not seen is the
 * ensemble's held-out prediction, and their mean is the model: no second training.
 */
#pragma once

#include "gh-head-private.h"
#include "gh-spectrum.h"

G_BEGIN_DECLS

/* How often the parts are dealt anew. */
#define GH_HEAD_NETWORKS_REPEATS 2

typedef struct {
  GhHeadKind kind;
  const GhSpectrum *spectrum;
  const double *targets;        /* [n,outputs] */
  int outputs;
  const int *groups;            /* [n] or NULL: groups stay whole */
} GhHeadNetworksData;

typedef struct _GhHeadNetworks GhHeadNetworks;

/* Everything the networks read. index: which fit it is, for its own random numbers. What data points to is borrowed.
 * NULL when there is nothing to learn from: inputs that never vary, or one group only. */
GhHeadNetworks *gh_head_networks_new (const GhHeadNetworksData *data, guint64 seed, int index);
void gh_head_networks_free (GhHeadNetworks *networks);

/* Trains all ensembles side by side. */
gboolean gh_head_networks_train (GhHeadNetworks **all, int n, guint64 seed, int threads,
    gboolean (*progress) (double fraction, gpointer data), gpointer data, GError **error);

/* [n]: the part of the labels each row belongs to in one repeat. */
const int *gh_head_networks_parts (const GhHeadNetworks *networks, int repeat);
/* held_out[n,outputs]: each row as the networks that left it out see it. */
void gh_head_networks_held_out (const GhHeadNetworks *networks, double *held_out);
/* y[outputs] for z[dim], standardised. */
void gh_head_networks_predict (const GhHeadNetworks *networks, const double *z, double *y);

/* The ensemble as one network of three layers, its outputs multiplied with `factor`. */
void gh_head_networks_layers (const GhHeadNetworks *networks, double factor, GhHeadParts *parts);

/* "mlp 512-64-64-1 x 10" */
char *gh_head_networks_model (const GhHeadNetworks *networks);

G_END_DECLS
