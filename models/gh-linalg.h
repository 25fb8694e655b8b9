/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-linalg.h: the little dense linear algebra, in double, that fitting heads takes. Matrices are rows in sequence;
 * sums run in a fixed order, so that results repeat bit for bit.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

double gh_dot (const double *a, const double *b, gsize n);
/* y += alpha x */
void gh_axpy (double *y, double alpha, const double *x, gsize n);

/* y[n] += alpha[rows] x[rows,n] */
void gh_axpy_rows (double *y, const double *alpha, const double *x, int rows, gsize n);

/* x[n], finite, ascending. */
void gh_sort (double *x, gsize n);
/* The median of x[n], n >= 1, which is sorted for it; of an even number the greater one of two. */
double gh_median (double *x, gsize n);

/* gram[n,n] = x x^T of x[n,dim], both triangles filled. */
void gh_gram (double *gram, const double *x, int n, int dim);

/* a = q^T t q for the symmetric a[n,n], of which only the lower triangle is read: a becomes the orthogonal q, t has the
 * diagonal d[n] and beside it e[n-1]. Householder's reduction, about 8/3 n^3 operations. */
void gh_tridiagonal (double *a, double *d, double *e, int n);

/* The eigenvectors and eigenvalues of the symmetric a[n,n], of which only the lower triangle is read. values[n] in
 * descending order; row i of a becomes the unit eigenvector of values[i], its largest component positive so that the
 * same matrix always gives the same rows. gh_tridiagonal(), then implicit QL steps: about 9 n^3 operations. FALSE when
 * a is not finite. */
gboolean gh_eigen_symmetric (double *a, double *values, int n);

/* Solves a x = b for symmetric positive definite a[n,n] (overwritten) and columns b[n,m], which become x. FALSE when a
 * is not positive definite; b is then of no use. */
gboolean gh_solve_positive (double *a, double *b, int n, int m);

G_END_DECLS
