/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-context.c: which back end and how many threads a context gets, what it says about it, and its memory.
 */
#include "check.h"
#include "kernels/gh-backend.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static GhStatus
open_with (const char *device_env, const char *threads_env, GhDevice device, int threads, GhCtx **ctx, char *reason,
    size_t reason_size)
{
  if (device_env)
    setenv ("GST_HEADS_DEVICE", device_env, 1);
  else
    unsetenv ("GST_HEADS_DEVICE");
  if (threads_env)
    setenv ("GST_HEADS_THREADS", threads_env, 1);
  else
    unsetenv ("GST_HEADS_THREADS");
  return gh_ctx_new (ctx, device, threads, reason, reason_size);
}

static void
test_choice (void)
{
  static const struct {
    const char *device_env, *threads_env;
    GhDevice device;
    int threads;
    GhStatus status;
    GhDevice chosen;            /* AUTO: any */
    int chosen_threads;         /* 0: any */
    const char *says;
  } cases[] = {
    { NULL, NULL, GH_DEVICE_CPU, 2, GH_OK, GH_DEVICE_CPU, 2, "cpu with 2 threads, asked for" },
    { "ref", NULL, GH_DEVICE_CPU, 1, GH_OK, GH_DEVICE_CPU, 1, "cpu with 1 thread, asked for" },
    { "ref", NULL, GH_DEVICE_AUTO, 4, GH_OK, GH_DEVICE_REF, 1, "GST_HEADS_DEVICE" },
    { "cpu", "3", GH_DEVICE_AUTO, 0, GH_OK, GH_DEVICE_CPU, 3, "GST_HEADS_DEVICE" },
    { "auto", "3", GH_DEVICE_AUTO, 2, GH_OK, GH_DEVICE_AUTO, 0, "the best that works here" },
    { "", "", GH_DEVICE_AUTO, 0, GH_OK, GH_DEVICE_AUTO, 0, "the best that works here" },
    { "quantum", NULL, GH_DEVICE_AUTO, 0, GH_INVAL, 0, 0, "GST_HEADS_DEVICE=quantum is not a device" },
    { NULL, "many", GH_DEVICE_CPU, 0, GH_INVAL, 0, 0, "GST_HEADS_THREADS=many" },
    { NULL, "0", GH_DEVICE_CPU, 0, GH_INVAL, 0, 0, "GST_HEADS_THREADS=0" },
    { NULL, "2x", GH_DEVICE_CPU, 0, GH_INVAL, 0, 0, "GST_HEADS_THREADS=2x" },
    { NULL, "99999999999999999999", GH_DEVICE_CPU, 0, GH_INVAL, 0, 0, "GST_HEADS_THREADS" },
    { NULL, "many", GH_DEVICE_CPU, 1, GH_OK, GH_DEVICE_CPU, 1, "asked for" },
    { NULL, NULL, GH_DEVICE_CPU, -1, GH_INVAL, 0, 0, "-1 is not a number of threads" },
    { NULL, NULL, (GhDevice) 77, 0, GH_INVAL, 0, 0, "no device number 77" },
  };

  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    GhCtx *ctx = (GhCtx *) &ctx;
    char reason[256] = "stale";
    GhStatus status = open_with (cases[i].device_env, cases[i].threads_env, cases[i].device, cases[i].threads, &ctx,
        reason, sizeof reason);
    int before = failures;

    CHECK (status == cases[i].status);
    CHECK ((ctx != NULL) == (status == GH_OK));
    CHECK (strstr (reason, cases[i].says) != NULL);
    if (ctx && cases[i].chosen != GH_DEVICE_AUTO)
      CHECK (gh_ctx_device (ctx) == cases[i].chosen);
    if (ctx && cases[i].chosen_threads)
      CHECK (gh_ctx_threads (ctx) == cases[i].chosen_threads);
    if (failures != before)
      printf ("  in case %zu: status %d, \"%s\"\n", i, status, reason);
    gh_ctx_free (ctx);
  }
  CHECK (gh_ctx_new (NULL, GH_DEVICE_REF, 1, NULL, 0) == GH_INVAL);
}

/* What asks for less than the processor has, misspelt. */
static void
test_misspelt (void)
{
  static const char *const wrong[][3] = {
    { "GST_HEADS_CPU", "avx9", "GST_HEADS_CPU=avx9 is none of baseline, avx2, avx512, amx, wide" },
    { "GST_HEADS_LINEAR", "foo", "GST_HEADS_LINEAR=foo is none of own, onednn" },
  };

  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    char reason[256] = "stale";
    GhCtx *ctx;

    setenv (wrong[i][0], wrong[i][1], 1);
    CHECK (open_with (NULL, NULL, i ? GH_DEVICE_CPU : GH_DEVICE_REF, 1, &ctx, reason, sizeof reason) == GH_INVAL);
    CHECK (ctx == NULL);
    CHECK (strstr (reason, wrong[i][2]) != NULL);
    setenv (wrong[i][0], "", 1);
    CHECK (open_with (NULL, NULL, GH_DEVICE_CPU, 1, &ctx, reason, sizeof reason) == GH_OK);
    gh_ctx_free (ctx);
    unsetenv (wrong[i][0]);
  }
}

static void
test_reason_may_be_short_or_absent (void)
{
  GhCtx *ctx;
  char tiny[4] = "zzz";

  CHECK (open_with (NULL, NULL, GH_DEVICE_REF, 1, &ctx, NULL, 0) == GH_OK);
  gh_ctx_free (ctx);
  CHECK (open_with (NULL, NULL, GH_DEVICE_REF, 1, &ctx, tiny, sizeof tiny) == GH_OK);
  CHECK (strcmp (tiny, "ref") == 0);
  gh_ctx_free (ctx);
  gh_ctx_free (NULL);
}

static void
test_memory (GhDevice device)
{
  GhCtx *ctx;
  void *p, *q, *handle = &ctx;
  int number = 0;
  float numbers[5] = { 1, 2, 3, 4, 5 }, back[5] = { 0 };

  CHECK (open_with (NULL, NULL, device, 2, &ctx, NULL, 0) == GH_OK);
  CHECK (gh_alloc (ctx, &p, 1001) == GH_OK);
  CHECK ((uintptr_t) p % 64 == 0);
  for (int i = 0; i < 1001; i++)
    CHECK (((char *) p)[i] == 0);
  CHECK (gh_upload (ctx, p, numbers, sizeof numbers) == GH_OK);
  CHECK (gh_download (ctx, back, p, sizeof back) == GH_OK && gh_sync (ctx) == GH_OK);
  CHECK (memcmp (numbers, back, sizeof back) == 0);
  CHECK (gh_upload (ctx, NULL, numbers, 4) == GH_INVAL && gh_download (ctx, back, NULL, 4) == GH_INVAL);
  CHECK (gh_upload (ctx, NULL, NULL, 0) == GH_OK);
  CHECK (gh_device_handle (ctx, &handle, &number) == GH_UNSUPPORTED && !handle && number == -1);
  CHECK (gh_device_handle (ctx, NULL, &number) == GH_INVAL && gh_device_handle (NULL, &handle, &number) == GH_INVAL);
  CHECK (gh_await_others (ctx) == GH_OK && gh_await_others (NULL) == GH_INVAL);
  CHECK (gh_alloc (ctx, &q, 0) == GH_OK && q);
  gh_free (ctx, q);
  gh_free (ctx, p);
  gh_free (ctx, NULL);
  CHECK (gh_alloc (ctx, &p, SIZE_MAX - 8) == GH_NOMEM && p == NULL);
  CHECK (strstr (gh_last_error (ctx), "not enough memory") != NULL);
  CHECK (gh_alloc (NULL, &p, 8) == GH_INVAL && gh_alloc (ctx, NULL, 8) == GH_INVAL);

  void *small = gh_scratch (ctx, 100), *large = gh_scratch (ctx, 1 << 20);
  CHECK (small && large && (uintptr_t) large % 64 == 0);
  CHECK (gh_scratch (ctx, 5) == large);
  gh_ctx_free (ctx);
}

static void
test_types (GhDevice device)
{
  GhCtx *ctx;
  bool fast;
  const char *engine;

  CHECK (open_with (NULL, NULL, device, 1, &ctx, NULL, 0) == GH_OK);
  CHECK (gh_supports (ctx, GH_DTYPE_F32, &fast, &engine) && engine && *engine);
  CHECK (gh_supports (ctx, gh_best_dtype (ctx), NULL, NULL));
  CHECK (!gh_supports (ctx, GH_N_DTYPES, &fast, &engine) && !fast);
  CHECK (!gh_supports (ctx, (GhDtype) -1, NULL, NULL));
  CHECK (!gh_supports (NULL, GH_DTYPE_F32, NULL, NULL));
  gh_ctx_free (ctx);
}

int
main (void)
{
  test_choice ();
  test_misspelt ();
  test_reason_may_be_short_or_absent ();
  for (GhDevice device = GH_DEVICE_REF; device <= GH_DEVICE_CPU; device++) {
    test_memory (device);
    test_types (device);
  }
  CHECK (strcmp (gh_device_name (GH_DEVICE_CUDA), "cuda") == 0);
  CHECK (strcmp (gh_device_name ((GhDevice) 9), "unknown") == 0);
  CHECK (strcmp (gh_dtype_name (GH_DTYPE_INT16), "int16") == 0 && strcmp (gh_dtype_name ((GhDtype) 9), "unknown") == 0);
  CHECK (gh_last_error (NULL) != NULL && gh_ctx_threads (NULL) == 0);
  return check_result ();
}
