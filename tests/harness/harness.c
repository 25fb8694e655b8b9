/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * harness.c: command line, the loop over cases and back ends, and the judging.
 */
#include "harness-private.h"

#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* nmse: sum of squared errors over the sum of squares; max: largest error over the largest magnitude.
 * The expected values already hold the rounding of the operands that a type brings, so that what is left is the
 * order of float32 sums (F32) and now and then an operand that falls on the other side of a rounding step. */
static const struct { double nmse, max; } tolerances[HN_N_TOLERANCES] = {
  [HN_EXACT] = { 0, 0 },
  [HN_F32] = { 1e-11, 1e-5 },
  [HN_BF16] = { 1e-8, 1e-3 },
  [HN_INT16] = { 1e-8, 1e-3 },
  [HN_INT8] = { 4e-3, 1e-1 },           /* against the unrounded product */
  [HN_BF16_SCORES] = { 2e-5, 1e-2 },    /* weights of a softmax rounded (by 2^-8 of them at most), which the expected
                                         * values do not show */
  [HN_GRADIENT] = { 1e-8, 1e-4 },       /* what is left of large terms that cancel */
  [HN_BF16_GRADIENT] = { 1e-4, 3e-2 },  /* the same of rounded ones */
};

HnTolerance
hn_tolerance_of (GhDtype dtype)
{
  static const HnTolerance of[GH_N_DTYPES] = { HN_F32, HN_BF16, HN_INT16, HN_INT8 };
  return of[dtype];
}

GhCtx *
hn_ctx (Hn *hn)
{
  return hn->ctx;
}

/* ---- random numbers: splitmix64 ---------------------------------------------------------------------- */

uint64_t
hn_random (Hn *hn)
{
  uint64_t x = hn->random_state += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

int
hn_random_int (Hn *hn, int low, int high)
{
  return low + (int) (hn_random (hn) % (uint64_t) (high - low + 1));
}

double
hn_random_normal (Hn *hn)
{
  double u = ((double) (hn_random (hn) >> 11) + 0.5) * 0x1p-53;
  double v = (double) (hn_random (hn) >> 11) * 0x1p-53;
  return sqrt (-2 * log (u)) * cos (2 * M_PI * v);
}

/* ---- judging ----------------------------------------------------------------------------------------- */

void
hn_describe (Hn *hn, const char *format, ...)
{
  va_list args;
  va_start (args, format);
  vsnprintf (hn->description, sizeof hn->description, format, args);
  va_end (args);
}

void
hn_fail (Hn *hn, const char *format, ...)
{
  va_list args;

  hn->failures++;
  if (++hn->failures_here > 5)
    return;
  printf ("FAIL %s on %s, %d thread%s, %s: ", hn->test->name, gh_device_name (gh_ctx_device (hn->ctx)), hn->threads,
      hn->threads == 1 ? "" : "s", hn->description);
  va_start (args, format);
  vprintf (format, args);
  va_end (args);
  printf ("\n     again: --op=%s --device=%s --seed=%llu\n", hn->test->name,
      gh_device_name (gh_ctx_device (hn->ctx)), (unsigned long long) hn->seed);
}

bool
hn_status (Hn *hn, GhStatus got, GhStatus want)
{
  if (got != want)
    hn_fail (hn, "answered %d instead of %d: %s", got, want, gh_last_error (hn->ctx));
  return got == want;
}

void
hn_require (Hn *hn, bool condition, const char *what)
{
  if (!condition)
    hn_fail (hn, "%s", what);
}

static bool
same_special (float got, double want)
{
  return isnan (want) ? isnan (got) : isinf (want) && isinf (got) && (got > 0) == (want > 0);
}

static void
digest_more (Hn *hn, const void *data, size_t bytes)
{
  const unsigned char *p = data;
  for (size_t i = 0; i < bytes; i++)
    hn->digest = (hn->digest ^ p[i]) * 0x100000001b3;
}

void
hn_expect (Hn *hn, HnTensor *got, const double *want, HnTolerance tolerance)
{
  double error2 = 0, want2 = 0, top_error = 0, top = 0;
  size_t worst = 0;

  hn_fetch (hn, got);
  digest_more (hn, got->host, got->n * sizeof *got->host);
  hn->comparisons++;
  for (size_t i = 0; i < got->n; i++) {
    if (!isfinite (want[i]) || !isfinite (got->host[i])) {
      if (same_special (got->host[i], want[i]))
        continue;
      hn_fail (hn, "cell %zu of %zu is %g instead of %g%s", i, got->n, got->host[i], want[i],
          isnan (got->host[i]) ? " (never written?)" : "");
      return;
    }
    double error = fabs (got->host[i] - want[i]);
    error2 += error * error;
    want2 += want[i] * want[i];
    top = fmax (top, fabs (want[i]));
    if (error > top_error) {
      top_error = error;
      worst = i;
    }
  }
  double nmse = error2 > 0 ? error2 / want2 : 0, max = top_error > 0 ? top_error / top : 0;
  hn->worst_nmse = fmax (hn->worst_nmse, nmse);
  hn->worst_max = fmax (hn->worst_max, max);
  if (!(nmse <= tolerances[tolerance].nmse) || !(max <= tolerances[tolerance].max))
    hn_fail (hn, "nmse %.2e (allowed %.0e), max %.2e (allowed %.0e); cell %zu of %zu is %.9g instead of %.9g", nmse,
        tolerances[tolerance].nmse, max, tolerances[tolerance].max, worst, got->n, got->host[worst], want[worst]);
}

void
hn_expect_bytes (Hn *hn, HnTensor *got, const uint8_t *want, size_t n)
{
  const uint8_t *bytes = (const uint8_t *) got->host;

  hn_fetch (hn, got);
  digest_more (hn, bytes, n);
  hn->comparisons++;
  for (size_t i = 0; i < n; i++) {
    if (bytes[i] != want[i]) {
      hn_fail (hn, "byte %zu of %zu is %d instead of %d", i, n, bytes[i], want[i]);
      return;
    }
  }
}

/* ---- the loop ---------------------------------------------------------------------------------------- */

static void
begin (Hn *hn, const HnCase *test)
{
  hn->test = test;
  hn->random_state = hn->seed;
  hn->digest = 0xcbf29ce484222325;
  hn->comparisons = hn->failures_here = 0;
  hn->worst_nmse = hn->worst_max = 0;
  strcpy (hn->description, "start");
}

static void
report_check (Hn *hn, const HnCase *test)
{
  const char *device = gh_device_name (gh_ctx_device (hn->ctx));
  bool ok = hn->failures_here == 0;

  if (hn->json)
    printf ("{\"op\":\"%s\",\"device\":\"%s\",\"threads\":%d,\"ok\":%s,\"comparisons\":%d,\"nmse\":%.3e,"
        "\"max\":%.3e,\"seed\":%llu}\n", test->name, device, hn->threads, ok ? "true" : "false", hn->comparisons,
        hn->worst_nmse, hn->worst_max, (unsigned long long) hn->seed);
  else
    printf ("%-4s %-20s %-4s %d thread%s  %4d comparisons, worst nmse %.1e, max %.1e, seed %llu\n",
        ok ? "ok" : "FAIL", test->name, device, hn->threads, hn->threads == 1 ? " " : "s", hn->comparisons,
        hn->worst_nmse, hn->worst_max, (unsigned long long) hn->seed);
  fflush (stdout);
}

static bool
open_device (Hn *hn, GhDevice device, int threads)
{
  char reason[256];

  gh_ctx_free (hn->ctx);
  if (gh_ctx_new (&hn->ctx, device, threads, reason, sizeof reason) != GH_OK) {
    fprintf (stderr, "skipped: %s\n", reason);
    return false;
  }
  hn->threads = gh_ctx_threads (hn->ctx);
  return true;
}

static void
check_device (Hn *hn, GhDevice device, const HnCase *test)
{
  /* 3 even on one processor: the results must not depend on it. */
  int counts[] = { 1, 3 }, n_counts = device == GH_DEVICE_CPU ? 2 : 1;
  uint64_t digest = 0;

  for (int i = 0; i < n_counts; i++) {
    if (!open_device (hn, device, counts[i]))
      return;
    begin (hn, test);
    test->check (hn);
    hn_reset (hn);
    hn_describe (hn, "the whole case");
    if (i == 0)
      digest = hn->digest;
    else if (digest != hn->digest)
      hn_fail (hn, "the results differ from those of one thread");
    report_check (hn, test);
  }
}

static void
bench_device (Hn *hn, GhDevice device, const HnCase *test)
{
  if (!test->bench || !open_device (hn, device, 0))
    return;
  begin (hn, test);
  test->bench (hn);
  hn_reset (hn);
}

static bool
device_present (GhDevice device, char *reason, size_t reason_size)
{
  GhCtx *ctx = NULL;
  bool yes = gh_ctx_new (&ctx, device, 1, reason, reason_size) == GH_OK;
  gh_ctx_free (ctx);
  return yes;
}

static bool
parse (Hn *hn, int argc, char **argv, bool *list)
{
  for (int i = 1; i < argc; i++) {
    const char *arg = argv[i];
    if (strcmp (arg, "--list") == 0)
      *list = true;
    else if (strcmp (arg, "--bench") == 0)
      hn->bench = true;
    else if (strcmp (arg, "--json") == 0)
      hn->json = true;
    else if (strncmp (arg, "--op=", 5) == 0)
      hn->pattern = arg + 5;
    else if (strncmp (arg, "--device=", 9) == 0)
      hn->device = arg + 9;
    else if (strncmp (arg, "--engine=", 9) == 0)
      hn->engine = arg + 9;
    else if (strncmp (arg, "--seed=", 7) == 0)
      hn->seed = strtoull (arg + 7, NULL, 0);
    else
      return false;
  }
  if (hn->seed == 0)
    hn->seed = (uint64_t) time (NULL);
  for (GhDevice d = GH_DEVICE_REF; hn->device && d <= GH_DEVICE_CUDA; d++) {
    if (strcmp (hn->device, gh_device_name (d)) == 0)
      return true;
  }
  return hn->device == NULL;
}

/* True when the back end multiplies bfloat16 by the engine asked for. */
static bool
engine_present (Hn *hn, GhDevice device)
{
  const char *engine = "";

  if (!hn->engine)
    return true;
  bool yes = open_device (hn, device, 1) && gh_supports (hn->ctx, GH_DTYPE_BF16, NULL, &engine)
      && strncmp (engine, hn->engine, strlen (hn->engine)) == 0;
  if (!yes)
    fprintf (stderr, "skipped: %s multiplies by %s here, not by %s\n", gh_device_name (device), engine, hn->engine);
  return yes;
}

/* Which back ends to visit. The reference always takes part in measurements: the others are set beside it. */
static bool
choose_devices (Hn *hn, bool use[GH_DEVICE_CUDA + 1])
{
  bool any = false;

  for (GhDevice d = GH_DEVICE_REF; d <= GH_DEVICE_CUDA; d++) {
    char reason[256];
    use[d] = hn->bench && d == GH_DEVICE_REF;
    if (hn->device && strcmp (hn->device, gh_device_name (d)) != 0)
      continue;
    use[d] = device_present (d, reason, sizeof reason);
    if (!use[d])
      fprintf (stderr, "skipped: %s\n", reason);
    use[d] = use[d] && engine_present (hn, d);
    any |= use[d];
  }
  return any;
}

static int
run (Hn *hn, const HnCase *const *cases, int n_cases)
{
  bool use[GH_DEVICE_CUDA + 1] = { false };
  int n_run = 0;

  if (!choose_devices (hn, use))
    return 77;
  for (int i = 0; i < n_cases; i++) {
    if (hn->pattern && fnmatch (hn->pattern, cases[i]->name, FNM_EXTMATCH) != 0)
      continue;
    n_run++;
    for (GhDevice d = GH_DEVICE_REF; d <= GH_DEVICE_CUDA; d++) {
      if (use[d])
        (hn->bench ? bench_device : check_device) (hn, d, cases[i]);
    }
  }
  if (n_run == 0)
    fprintf (stderr, "no case matches %s\n", hn->pattern ? hn->pattern : "");
  return n_run == 0 ? 2 : hn->failures ? 1 : 0;
}

int
hn_main (int argc, char **argv, const HnCase *const *cases, int n_cases)
{
  Hn *hn = calloc (1, sizeof *hn);
  bool list = false;
  int result = 2;

  if (!hn)
    return 1;
  hn->seed = 1;
  if (!parse (hn, argc, argv, &list)) {
    fprintf (stderr, "usage: %s [--list] [--op=PATTERN] [--seed=N] [--device=ref|cpu|cuda] [--engine=WORD] "
        "[--bench] [--json]\n", argv[0]);
  } else if (list) {
    for (int i = 0; i < n_cases; i++)
      printf ("%s%s\n", cases[i]->name, cases[i]->bench ? "" : " (no benchmark)");
    result = 0;
  } else {
    result = run (hn, cases, n_cases);
    gh_ctx_free (hn->ctx);
  }
  free (hn);
  return result;
}
