/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * patchify.c (once per instruction set): normalised patches of RGB images. (u8/255 - mean)/std is u8 * gain + offset,
 * with the gains of the three channels repeated over a patch's row so that a row is one loop.
 */
#include "isa.h"

typedef struct {
  float *patches;
  const uint8_t *rgb;
  const int32_t *keep;
  const float *gain, *offset;   /* [patch*3] */
  int height, width, patch, K;
  size_t stride;
} Job;

static void
convert (float *restrict to, const uint8_t *restrict from, const float *restrict gain, const float *restrict offset,
    int n)
{
  for (int i = 0; i < n; i++)
    to[i] = (float) from[i] * gain[i] + offset[i];
}

static void
run (void *arg, int index, int thread)
{
  const Job *job = arg;
  int patch = job->patch, line = patch * 3, cols = ceil_div (job->width, patch);
  int at = job->keep ? job->keep[index] : index % job->K;
  int row0 = at / cols * patch, col0 = at % cols * patch;
  int rows = smaller (patch, job->height - row0), filled = smaller (patch, job->width - col0) * 3;
  const uint8_t *from = job->rgb + ((size_t) (index / job->K) * job->height + row0) * job->stride + (size_t) col0 * 3;
  float *to = job->patches + (size_t) index * patch * line;

  for (int r = 0; r < rows; r++, to += line, from += job->stride) {
    convert (to, from, job->gain, job->offset, filled);
    if (filled < line)
      memset (to + filled, 0, (line - filled) * sizeof *to);
  }
  if (rows < patch)
    memset (to, 0, (size_t) (patch - rows) * line * sizeof *to);
}

GhStatus
ISA_FN (gh_cpu_patchify_fwd) (GhCtx *ctx, float *patches, const uint8_t *rgb, const int32_t *keep, const float *mean,
    const float *std, int B, int height, int width, size_t stride, int patch, int K)
{
  size_t line = (size_t) patch * 3;
  float *gain = gh_scratch (ctx, 2 * line * sizeof *gain), *offset;
  Job job = { patches, rgb, keep, gain, NULL, height, width, patch, K, stride };

  if (!gain)
    return GH_NOMEM;
  job.offset = offset = gain + line;
  for (size_t i = 0; i < line; i++) {
    gain[i] = (float) (1 / (255.0 * std[i % 3]));
    offset[i] = (float) (-(double) mean[i % 3] / std[i % 3]);
  }
  gh_parallel (ctx, B * K, run, &job);
  return GH_OK;
}
