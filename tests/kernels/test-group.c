/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-group.c NCCL [WORDS]: sums over the devices of two processes, by the cuda module that the processor runs and a
 * NCCL of the tests: what happens in time, what is given up; with WORDS, how another library is refused.
 */
#include "kernels/gh-kernels.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N = 1000, SECONDS = 2 };

static GhCtx *
open_context (void)
{
  char reason[256];
  GhCtx *ctx;

  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 1, reason, sizeof reason) == GH_OK)
    return ctx;
  printf ("skipped: %s\n", reason);
  exit (77);
}

static void
expect (const GhCtx *ctx, GhStatus got, GhStatus wanted, const char *words)
{
  if (got != wanted || (words && !strstr (gh_last_error (ctx), words))) {
    fprintf (stderr, "status %d for %d; \"%s\" should say \"%s\"\n", got, wanted, gh_last_error (ctx),
        words ? words : "");
    abort ();
  }
}

/* Sums of both, twice; then nothing more goes if the mode says so. */
static void
one_rank (int rank, const uint8_t *id, const char *mode)
{
  const struct timespec moment = { 0, 300000000 };
  GhCtx *ctx = open_context ();
  float *x, host[N];

  setenv ("FAKE_NCCL", "", 1);
  if (rank == 1)
    nanosleep (&moment, NULL);
  expect (ctx, gh_group_join (ctx, id, rank, 2, 60), GH_OK, NULL);
  assert (gh_alloc (ctx, (void **) &x, sizeof host) == GH_OK);
  for (int i = 0; i < N; i++)
    host[i] = rank == 0 ? i : 0.5f;
  assert (gh_upload (ctx, x, host, sizeof host) == GH_OK);
  expect (ctx, gh_group_sum (ctx, x, 0, SECONDS), GH_OK, NULL);
  expect (ctx, gh_group_sum (ctx, x, N, 60), GH_OK, NULL);
  expect (ctx, gh_group_sum (ctx, x, N - 1, 60), GH_OK, NULL);
  assert (gh_download (ctx, host, x, sizeof host) == GH_OK);
  for (int i = 0; i < N; i++)
    assert (host[i] == (i < N - 1 ? 2 : 1) * (i + 0.5f));
  if (*mode) {
    setenv ("FAKE_NCCL", mode, 1);
    expect (ctx, gh_group_sum (ctx, x, N, SECONDS), GH_DEVICE_LOST, strcmp (mode, "hang") == 0
        ? "did not take part in time" : "a remote process exited");
    expect (ctx, gh_group_sum (ctx, x, N, SECONDS), GH_UNSUPPORTED, "given up");
    assert (gh_download (ctx, host, x, sizeof host) == GH_OK);
  }
  gh_free (ctx, x);
  gh_ctx_free (ctx);
}

static void
two_ranks (const char *mode)
{
  uint8_t id[GH_GROUP_ID];
  pid_t pids[2];
  int pipes[2];

  assert (pipe (pipes) == 0);
  for (int rank = 0; rank < 2; rank++) {
    if ((pids[rank] = fork ()) > 0)
      continue;
    alarm (100);
    if (rank == 0) {
      GhCtx *ctx = open_context ();

      expect (ctx, gh_group_id (ctx, id), GH_OK, NULL);
      assert (write (pipes[1], id, sizeof id) == sizeof id);
      gh_ctx_free (ctx);
    } else {
      assert (read (pipes[0], id, sizeof id) == sizeof id);
    }
    one_rank (rank, id, mode);
    _exit (0);
  }
  close (pipes[0]);
  close (pipes[1]);
  for (int rank = 0; rank < 2; rank++) {
    int status;

    assert (waitpid (pids[rank], &status, 0) == pids[rank]);
    assert (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  }
}

/* Nobody comes. */
static void
alone (void)
{
  uint8_t id[GH_GROUP_ID];
  GhCtx *ctx = open_context ();

  expect (ctx, gh_group_available (ctx), GH_OK, NULL);
  expect (ctx, gh_group_id (ctx, id), GH_OK, NULL);
  expect (ctx, gh_group_join (ctx, id, 2, 2, 1), GH_INVAL, NULL);
  expect (ctx, gh_group_join (ctx, id, 0, 3, 1), GH_DEVICE_LOST, "joining");
  expect (ctx, gh_group_join (ctx, id, 0, 2, 1), GH_DEVICE_LOST, "did not take part in time");
  gh_ctx_free (ctx);
}

static void
refused (const char *words)
{
  uint8_t id[GH_GROUP_ID];
  GhCtx *ctx = open_context ();

  expect (ctx, gh_group_available (ctx), GH_UNSUPPORTED, words);
  expect (ctx, gh_group_id (ctx, id), GH_UNSUPPORTED, words);
  gh_ctx_free (ctx);
}

int
main (int argc, char **argv)
{
  if (argc == 3) {
    setenv ("GST_HEADS_NCCL", argv[1], 1);
    refused (argv[2]);
    return 0;
  }
  assert (argc == 2);
  setenv ("GST_HEADS_NCCL", argv[1], 1);
  two_ranks ("");
  two_ranks ("hang");
  two_ranks ("fail");
  alone ();
  return 0;
}
