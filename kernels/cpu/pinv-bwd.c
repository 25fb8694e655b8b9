/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * pinv-bwd.c (once per instruction set): the gradient of the pseudo-inverse iteration, last step first, each product
 * over a group of matrices at once. One step is P = A Z, T2 = 15 I - 7 P + P P, T3 = 13 I - P T2, Z' = Z T3 / 4; with
 * g(X) for the gradient of X:
 *   g(T3) = Z^T g(Z') / 4, g(T2) = -P^T g(T3), g(P) = -g(T3) T2^T - 7 g(T2) + g(T2) P^T + P^T g(T2),
 *   g(Z) = g(Z') T3^T / 4 + A^T g(P), g(A) += g(P) Z^T.
 */
#include "bmm.h"

#include <math.h>

/* BUFFERS matrices of workspace for each of a group, at most GROUP_LIMIT floats or one matrix. */
enum { BUFFERS = 8, GROUP_LIMIT = 4 << 20 };

typedef enum { PLAIN, TRANS_A, TRANS_B } Transpose;

typedef struct {
  GhCtx *ctx;
  float *work;                  /* of products */
  int count, M;                 /* matrices of this group */
} Group;

typedef struct {
  float *m;
  const float *a, *b;
  float diagonal;
  int M;
} Job;

static void
add_diagonal (void *arg, int index, int thread)
{
  const Job *job = arg;
  float *m = job->m + (size_t) index * job->M * job->M;

  for (int i = 0; i < job->M; i++)
    m[(size_t) i * job->M + i] += job->diagonal;
}

/* c = alpha op(a) op(b) + beta c + diagonal I, for every matrix of the group. */
static void
combine (const Group *group, float *c, const float *a, const float *b, Transpose trans, float alpha, float beta,
    float diagonal)
{
  int M = group->M;
  ptrdiff_t n = (ptrdiff_t) M * M;

  ISA_FN (gh_cpu_bmm_run) (group->ctx, group->work, (GhMat) { c, M, 0, n }, (GhMat) { (float *) a, M, 0, n },
      trans == TRANS_A, (GhMat) { (float *) b, M, 0, n }, trans == TRANS_B, alpha, beta, 1, group->count, M, M, M);
  if (diagonal != 0) {
    Job job = { c, NULL, NULL, diagonal, M };
    gh_parallel (group->ctx, group->count, add_diagonal, &job);
  }
}

/* buffers: g, the gradient of Z', which becomes that of Z; then workspace. */
static void
step_back (const Group *group, float *buffers, float *da, const float *a, const float *z, bool last)
{
  size_t n = (size_t) group->count * group->M * group->M;
  float *g = buffers, *p = g + n, *t2 = p + n, *t3 = t2 + n, *g3 = t3 + n, *g2 = g3 + n, *gp = g2 + n, *gz = gp + n;

  combine (group, p, a, z, PLAIN, 1, 0, 0);
  memcpy (t2, p, n * sizeof *t2);
  combine (group, t2, p, p, PLAIN, 1, -7, 15);
  combine (group, t3, p, t2, PLAIN, -1, 0, 13);
  combine (group, g3, z, g, TRANS_A, 0.25f, 0, 0);
  combine (group, g2, p, g3, TRANS_A, -1, 0, 0);
  memcpy (gp, g2, n * sizeof *gp);
  combine (group, gp, g2, p, TRANS_B, 1, -7, 0);
  combine (group, gp, p, g2, TRANS_A, 1, 1, 0);
  combine (group, gp, g3, t2, TRANS_B, -1, 1, 0);
  combine (group, da, gp, z, TRANS_B, 1, last ? 0 : 1, 0);
  combine (group, gz, g, t3, TRANS_B, 0.25f, 0, 0);
  combine (group, gz, a, gp, TRANS_A, 1, 1, 0);
  memcpy (g, gz, n * sizeof *g);
}

/* m += b^T / (r c), r and c of a: the way through Z0. */
static void
add_start (void *arg, int index, int thread)
{
  const Job *job = arg;
  int M = job->M;
  size_t at = (size_t) index * M * M;
  float scale = ISA_FN (gh_cpu_pinv_scale) (job->a + at, M);

  for (int i = 0; i < M; i++) {
    for (int j = 0; j < M; j++)
      job->m[at + (size_t) i * M + j] += scale * job->b[at + (size_t) j * M + i];
  }
}

GhStatus
ISA_FN (gh_cpu_pinv_bwd) (GhCtx *ctx, float *da, const float *dz, const float *a, const float *trail, int count, int M,
    int iters)
{
  size_t n = (size_t) M * M, bmm_work = ISA_FN (gh_cpu_bmm_work) (ctx->threads);
  int most = BUFFERS * n >= GROUP_LIMIT ? 1 : smaller (count, (int) (GROUP_LIMIT / (BUFFERS * n)));
  float *work = gh_scratch (ctx, (bmm_work + most * BUFFERS * n) * sizeof *work);

  if (!work)
    return GH_NOMEM;
  float *buffers = work + bmm_work;
  for (int first = 0; first < count; first += most) {
    Group group = { ctx, work, smaller (most, count - first), M };
    memcpy (buffers, dz + first * n, group.count * n * sizeof *dz);
    for (int i = iters - 1; i >= 0; i--)
      step_back (&group, buffers, da + first * n, a + first * n, trail + (i * (size_t) count + first) * n,
          i == iters - 1);
    Job job = { da + first * n, a + first * n, buffers, 0, M };
    gh_parallel (ctx, group.count, add_start, &job);
  }
  return GH_OK;
}
