/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * bench.c: the stopwatch. Two warm-up runs, then runs for about half a second (the reference: a tenth). Printed are the
 * median, the spread between the quartiles, and the best, which is what counts on a busy machine.
 */
#include "harness-private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WARM_UPS = 2, LEAST_SAMPLES = 5 };

static double
now (void)
{
  struct timespec t;
  clock_gettime (CLOCK_MONOTONIC, &t);
  return (double) t.tv_sec + 1e-9 * (double) t.tv_nsec;
}

static int
compare_doubles (const void *a, const void *b)
{
  double x = *(const double *) a, y = *(const double *) b;
  return (x > y) - (x < y);
}

static double
seconds_of_reference (const Hn *hn)
{
  char name[sizeof hn->results[0].name];

  snprintf (name, sizeof name, "%s %s", hn->test->name, hn->bench_name);
  for (int i = 0; i < hn->n_results; i++) {
    if (strcmp (hn->results[i].name, name) == 0)
      return hn->results[i].seconds;
  }
  return 0;
}

static void
remember_reference (Hn *hn, double seconds)
{
  if (hn->n_results == HN_MAX_RESULTS)
    return;
  HnResult *result = &hn->results[hn->n_results++];
  snprintf (result->name, sizeof result->name, "%s %s", hn->test->name, hn->bench_name);
  result->seconds = seconds;
}

static void
report (Hn *hn)
{
  const char *device = gh_device_name (gh_ctx_device (hn->ctx));

  qsort (hn->samples, hn->n_samples, sizeof hn->samples[0], compare_doubles);
  double median = hn->samples[hn->n_samples / 2], best = hn->samples[0];
  double spread = hn->samples[hn->n_samples * 3 / 4] - hn->samples[hn->n_samples / 4];
  double reference = seconds_of_reference (hn);

  if (gh_ctx_device (hn->ctx) == GH_DEVICE_REF)
    remember_reference (hn, median);
  if (hn->json) {
    printf ("{\"op\":\"%s\",\"shape\":\"%s\",\"device\":\"%s\",\"threads\":%d,\"ms\":%.6f,\"spread_ms\":%.6f,"
        "\"best_ms\":%.6f,"
        "\"gflops\":%.3f,\"gbps\":%.3f,\"ratio_to_ref\":%.3f,\"samples\":%d}\n", hn->test->name, hn->bench_name,
        device, hn->threads, median * 1e3, spread * 1e3, best * 1e3, hn->flops / median * 1e-9,
        hn->bytes / median * 1e-9, reference > 0 ? reference / median : 1.0, hn->n_samples);
  } else {
    printf ("%-18s %-30s %-4s x%-2d %9.4f ms +- %3.0f %%, best %9.4f", hn->test->name, hn->bench_name, device,
        hn->threads, median * 1e3, 100 * spread / median, best * 1e3);
    if (hn->flops > 0)
      printf (" = %7.2f GFLOP/s", hn->flops / best * 1e-9);
    if (hn->bytes > 0)
      printf (" = %7.2f GB/s", hn->bytes / best * 1e-9);
    if (reference > 0)
      printf ("  %7.1f x ref", reference / median);
    printf ("\n");
  }
  fflush (stdout);
}

void
hn_bench_start (Hn *hn, double flops, double bytes, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  vsnprintf (hn->bench_name, sizeof hn->bench_name, format, args);
  va_end (args);
  hn->flops = flops;
  hn->bytes = bytes;
  hn->n_samples = hn->warm_ups = 0;
  hn->started = 0;
  hn->bench_began = now ();
}

bool
hn_bench_again (Hn *hn)
{
  bool is_ref = gh_ctx_device (hn->ctx) == GH_DEVICE_REF;

  gh_sync (hn->ctx);
  double t = now ();
  if (hn->started > 0) {
    if (hn->warm_ups < (is_ref ? 0 : WARM_UPS))
      hn->warm_ups++;
    else
      hn->samples[hn->n_samples++] = t - hn->started;
  }
  int least = is_ref ? 1 : LEAST_SAMPLES;
  bool enough = hn->n_samples >= least && (t - hn->bench_began > (is_ref ? 0.1 : 0.5));
  if (enough || hn->n_samples == HN_MAX_SAMPLES) {
    report (hn);
    return false;
  }
  hn->started = now ();
  return true;
}
