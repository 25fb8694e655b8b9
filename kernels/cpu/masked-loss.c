/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * masked-loss.c (once per instruction set): the squared distance between what the decoder said and the patches. The
 * losses of the rows are added in order afterwards.
 */
#include "isa.h"

#include <math.h>

enum { CELLS = 8192, LANES = 4 };      /* CELLS of one task, about */

typedef struct {
  double *row_loss;             /* [rows] */
  float *dpred;
  const float *pred, *patches;
  bool normalise;
  float slope;                  /* of dpred: 2 scale */
  int rows, P, task_rows;
} Job;

static float
row_sum (const float *x, int n)
{
  vf sum[LANES] = { 0 };
  int i = 0;

  for (; i + LANES * VL <= n; i += LANES * VL) {
    for (int j = 0; j < LANES; j++)
      sum[j] += vec_load (x + i + j * VL);
  }
  float rest = 0;
  for (; i < n; i++)
    rest += x[i];
  return rest + vec_sum ((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

/* The target is (p - mean) * inverse. The sum of deviations corrects what rounding did to the mean. */
static void
statistics (const float *p, int P, float *mean, float *inverse)
{
  float first = row_sum (p, P) / (float) P, rest = 0, square = 0;
  vf rests[LANES] = { 0 }, squares[LANES] = { 0 };
  int i = 0;

  for (; i + LANES * VL <= P; i += LANES * VL) {
    for (int j = 0; j < LANES; j++) {
      vf d = vec_load (p + i + j * VL) - first;
      rests[j] += d;
      squares[j] += d * d;
    }
  }
  for (; i < P; i++) {
    float d = p[i] - first;
    rest += d;
    square += d * d;
  }
  rest += vec_sum ((rests[0] + rests[1]) + (rests[2] + rests[3]));
  square += vec_sum ((squares[0] + squares[1]) + (squares[2] + squares[3]));
  square -= rest * rest / (float) P;
  *mean = first + rest / (float) P;
  *inverse = 1 / sqrtf ((square < 0 ? 0 : square) / (float) (P > 1 ? P - 1 : 1) + 1e-6f);
}

static double
row_loss (const Job *job, size_t row)
{
  const float *pred = job->pred + row * job->P, *p = job->patches + row * job->P;
  float *dpred = job->dpred ? job->dpred + row * job->P : NULL, mean = 0, inverse = 1;
  vf sum = { 0 };
  double rest = 0;
  int i = 0;

  if (job->normalise)
    statistics (p, job->P, &mean, &inverse);
  for (; i + VL <= job->P; i += VL) {
    vf error = vec_load (pred + i) - (vec_load (p + i) - mean) * inverse;
    sum += error * error;
    if (dpred)
      vec_store (dpred + i, job->slope * error);
  }
  for (; i < job->P; i++) {
    float error = pred[i] - (p[i] - mean) * inverse;
    rest += (double) error * error;
    if (dpred)
      dpred[i] = job->slope * error;
  }
  return rest + vec_sum (sum);
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int row = index * job->task_rows, end = smaller (row + job->task_rows, job->rows);

  for (; row < end; row++)
    job->row_loss[row] = row_loss (job, row);
}

GhStatus
ISA_FN (gh_cpu_masked_loss) (GhCtx *ctx, float *loss, float *dpred, const float *pred, const float *patches,
    bool normalise, float scale, int rows, int P)
{
  Job job = { gh_scratch (ctx, rows * sizeof (double)), dpred, pred, patches, normalise, 2 * scale, rows, P,
    P < CELLS ? ceil_div (CELLS, P) : 1 };
  double sum = 0;

  if (!job.row_loss)
    return GH_NOMEM;
  gh_parallel (ctx, ceil_div (rows, job.task_rows), run, &job);
  for (int r = 0; r < rows; r++)
    sum += job.row_loss[r];
  *loss = (float) (*loss + scale * sum);
  return GH_OK;
}
