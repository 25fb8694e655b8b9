/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * harness-private.h: the state that the harness's own files share.
 */
#pragma once

#include "harness.h"

enum { HN_MAX_TENSORS = 256, HN_MAX_SAMPLES = 400, HN_MAX_RESULTS = 512 };

typedef enum { HN_KIND_IN, HN_KIND_OUT, HN_KIND_INOUT, HN_KIND_HOST } HnKind;

/* One allocation: guard, data, guard. */
typedef struct {
  HnKind kind;
  unsigned char *base;          /* memory of the context */
  unsigned char *host;          /* the data as the case sees it */
  unsigned char *original;      /* the data as it was made; only for inputs */
  size_t bytes, lead;
} HnBlock;

typedef struct {
  char name[160];
  double seconds;
} HnResult;

struct Hn {
  /* what was asked */
  const char *pattern, *device, *engine;
  uint64_t seed;
  bool bench, json;
  /* what runs now */
  const HnCase *test;
  GhCtx *ctx;
  int threads;
  uint64_t random_state;
  HnBlock blocks[HN_MAX_TENSORS];
  int n_blocks;
  char description[200];
  /* what came out */
  int comparisons, failures, failures_here;
  double worst_nmse, worst_max;
  uint64_t digest;              /* of every compared output, to see that threads change nothing */
  /* the measurement in progress */
  char bench_name[120];
  double flops, bytes, started, bench_began;
  double samples[HN_MAX_SAMPLES];
  int n_samples, warm_ups;
  HnResult results[HN_MAX_RESULTS];     /* of the reference, for the ratio */
  int n_results;
};

void hn_fail (Hn *hn, const char *format, ...) __attribute__ ((format (printf, 2, 3)));
