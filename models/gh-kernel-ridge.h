/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-kernel-ridge.h: kernel ridge regression on standardised inputs, averaged over kernels and penalties.
 *
 * The kernels are the linear one, z^T c, and Matern's of order 3/2, (1 + d/w) exp (-d/w) of the distance d = |z - c|,
 * with widths w from a quarter to four times the square root of the median squared distance between the labels. Each
 * meets every penalty of gh-mixture.h, and they are one mixture: a straight line where labels are few, curved as far as
 * more labels bear it out. (With GhKernelRidgeData.plain every penalty gives two models.) y = weight z + bias + sum over kernels and centres; far from all labels the curved part is 0.
 *
 * Of inputs of 32 numbers and more the beginning, the first 16, is looked at by itself, too: by a linear kernel over it
 * alone, and by curved kernels over the rest, which take the place of those over everything if they do better. An
 * encoder may tell there what else would be a small part of a long embedding (gh-embed-fit.h). Then a head whose labels
 * follow from that need not learn from 30 labels that nothing else matters, nor one whose labels do not, that it is to
 * be overheard; docs/experiments.md has the figures. Elsewhere it changes little. The end, as many numbers as the caller
 * says, may be looked at by itself as well, by linear and curved kernels, for heads that gain from hearing of nothing else.
 *
 * Mean error on later frames, heads on mean and spread of a trained encoder's tokens (512 numbers), linear kernel
 * alone -> this mixture: people of a mall camera, 30 labels 0.85 -> 0.84, 300 labels 0.681 -> 0.668; time of day,
 * 300 labels, median by daylight 16.1 -> 9.1 minutes. With the Gaussian kernel instead, at seven widths: 0.85, 0.674,
 * 9.6; with exp (-d/w), 0.85, 0.675, 9.0; with curved kernels only (Gaussian) 0.87, 0.664, 9.5.
 */
#pragma once

#include "gh-embed-places.h"
#include "gh-misfit.h"

G_BEGIN_DECLS

#define GH_KERNEL_WIDTHS 5

typedef struct _GhKernelRidgeFit GhKernelRidgeFit;

typedef struct {
  int n, dim, outputs;
  float *centres;               /* [n,dim]: the inputs, rounded to bfloat16 as files hold them */
  double *weight;               /* [outputs,dim]: the linear kernel's part */
  double *bias;                 /* [outputs] */
  int aside;                    /* the first numbers, which the curved kernels do not see: the beginning's, those before the end,
                                 * or 0 */
  int n_kernels;                /* curved kernels that weigh in; 0 when the model is linear */
  double width[GH_KERNEL_WIDTHS];
  double *coefficients;         /* [outputs,n_kernels,n] */
  double *held_out;             /* [n,outputs]: each row as predicted without it (without its group) */
  double penalty;               /* of the line that counts more: geometric mean, relative to its inputs' variance */
  GhKernelRidgeFit *fit;        /* until it is finished */
} GhKernelRidge;

typedef struct {
  int n, dim, outputs;
  const double *z, *targets;    /* [n,dim], [n,outputs] */
  const int *groups;            /* [n] or NULL: rows of equal number are left out together */
  gboolean linear;              /* without the curved kernels */
  const double *metric;         /* [dim,dim], symmetric and positive, or NULL: the linear kernel is z^T metric c then, the
                                 * curved ones stay, and the beginning is nothing special */
  GhMisfit misfit;              /* what the mixture is weighed by */
  const double *plain;          /* [outputs] or NULL: a second model for each penalty, the first one's outputs times these,
                                 * which the mixture weighs as it weighs the first */
  int end;                      /* the last numbers, to be looked at by themselves, too; 0: none */
} GhKernelRidgeData;

/* Everything is copied. Then gh_kernel_ridge_fit() has to be called for every member, from any threads, and
 * gh_kernel_ridge_finish() once after them; only then is there a model. */
GhKernelRidge *gh_kernel_ridge_new (const GhKernelRidgeData *data);
void gh_kernel_ridge_free (GhKernelRidge *ridge);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (GhKernelRidge, gh_kernel_ridge_free)

int gh_kernel_ridge_n_members (const GhKernelRidge *ridge);
void gh_kernel_ridge_fit (GhKernelRidge *ridge, int member);
void gh_kernel_ridge_finish (GhKernelRidge *ridge);

/* y[outputs] for z[dim] */
void gh_kernel_ridge_predict (const GhKernelRidge *ridge, const double *z, double *y);

/* (1 + d/width) exp (-d/width) of a squared distance. */
double gh_kernel (double squared, double width);

G_END_DECLS
