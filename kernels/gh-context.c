/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-context.c: the life of a context: which back end it gets and why, its threads, its memory, its last error.
 */
#include "gh-backend.h"
#include "cpu/cpu-features.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define MAX_THREADS 1024

static const char *const device_names[] = { "auto", "ref", "cpu", "cuda" };
static const char *const dtype_names[GH_N_DTYPES] = { "f32", "bf16", "int16", "int8" };

static void __attribute__ ((format (printf, 3, 4)))
say (char *reason, size_t reason_size, const char *format, ...)
{
  if (!reason || reason_size == 0)
    return;
  va_list args;
  va_start (args, format);
  vsnprintf (reason, reason_size, format, args);
  va_end (args);
}

/* ---- choosing ---------------------------------------------------------------------------------------- */

static bool
device_from_name (const char *name, GhDevice *device)
{
  for (int i = GH_DEVICE_AUTO; i <= GH_DEVICE_CUDA; i++) {
    if (strcmp (name, device_names[i]) == 0) {
      *device = (GhDevice) i;
      return true;
    }
  }
  return false;
}

static GhStatus
choose_threads (int *threads, char *reason, size_t reason_size)
{
  const char *env = getenv ("GST_HEADS_THREADS");

  if (*threads < 0 || *threads > MAX_THREADS) {
    say (reason, reason_size, "%d is not a number of threads (0 to %d)", *threads, MAX_THREADS);
    return GH_INVAL;
  }
  if (*threads == 0 && env && *env) {
    char *end;
    errno = 0;
    long n = strtol (env, &end, 10);
    if (errno || *end || n < 1 || n > MAX_THREADS) {
      say (reason, reason_size, "GST_HEADS_THREADS=%s is not a number of threads (1 to %d)", env, MAX_THREADS);
      return GH_INVAL;
    }
    *threads = (int) n;
  }
  if (*threads == 0)
    *threads = gh_cpu_count () < MAX_THREADS ? gh_cpu_count () : MAX_THREADS;
  return GH_OK;
}

/* Who misspells what is to be compared would compare the same twice. `words` end in NULL. */
static GhStatus
check_word (const char *variable, const char *const *words, char *reason, size_t reason_size)
{
  const char *word = getenv (variable);
  size_t n = 0;

  for (int i = 0; word && words[i]; i++)
    if (strcmp (word, words[i]) == 0)
      return GH_OK;
  if (!word || !*word)
    return GH_OK;
  if (reason && reason_size) {
    n = snprintf (reason, reason_size, "%s=%s is none of", variable, word);
    for (int i = 0; words[i] && n < reason_size; i++)
      n += snprintf (reason + n, reason_size - n, "%s %s", i ? "," : "", words[i]);
  }
  return GH_INVAL;
}

static GhStatus
check_environment (char *reason, size_t reason_size)
{
  static const char *const levels[] = { "baseline", "avx2", "avx512", "amx", "wide", NULL };
  static const char *const engines[] = { "own", "onednn", NULL };
  GhStatus status = check_word ("GST_HEADS_CPU", levels, reason, reason_size);

  return status != GH_OK ? status : check_word ("GST_HEADS_LINEAR", engines, reason, reason_size);
}

static const GhBackend *
backend_for (GhDevice device, char *reason, size_t reason_size)
{
  switch (device) {
    case GH_DEVICE_REF:
      return gh_ref_backend ();
    case GH_DEVICE_CPU:
      return gh_cpu_backend ();
    case GH_DEVICE_CUDA:
      return gh_cuda_backend (reason, reason_size);
    default:
      return NULL;
  }
}

static GhStatus
open_device (GhCtx **ctx, GhDevice device, int threads, char *reason, size_t reason_size)
{
  const GhBackend *backend = backend_for (device, reason, reason_size);
  if (!backend)
    return GH_UNSUPPORTED;

  GhCtx *c = calloc (1, sizeof *c);
  if (!c) {
    say (reason, reason_size, "not enough memory");
    return GH_NOMEM;
  }
  c->backend = backend;
  c->device = device;
  c->threads = threads;
  GhStatus status = backend->open ? backend->open (c, reason, reason_size) : GH_OK;
  if (status != GH_OK) {
    free (c);
    return status;
  }
  *ctx = c;
  return GH_OK;
}

GhStatus
gh_ctx_new (GhCtx **ctx, GhDevice device, int threads, char *reason, size_t reason_size)
{
  const char *env = getenv ("GST_HEADS_DEVICE");
  const char *why = "asked for";
  char detail[256] = "";
  GhStatus status;

  if (!ctx)
    return GH_INVAL;
  *ctx = NULL;
  say (reason, reason_size, "%s", "");
  if (device < GH_DEVICE_AUTO || device > GH_DEVICE_CUDA) {
    say (reason, reason_size, "there is no device number %d", (int) device);
    return GH_INVAL;
  }
  status = choose_threads (&threads, reason, reason_size);
  if (status == GH_OK)
    status = check_environment (reason, reason_size);
  if (status != GH_OK)
    return status;

  if (device == GH_DEVICE_AUTO && env && *env) {
    if (!device_from_name (env, &device)) {
      say (reason, reason_size, "GST_HEADS_DEVICE=%s is not a device (auto, ref, cpu, cuda)", env);
      return GH_INVAL;
    }
    why = "asked for by GST_HEADS_DEVICE";
  }

  if (device != GH_DEVICE_AUTO) {
    status = open_device (ctx, device, threads, detail, sizeof detail);
    if (status == GH_OK)
      say (reason, reason_size, "%s with %d thread%s, %s", gh_device_name (device), (*ctx)->threads,
          (*ctx)->threads == 1 ? "" : "s", why);
    else
      say (reason, reason_size, "%s (%s) does not work here: %s", gh_device_name (device), why,
          *detail ? detail : "the back end did not open");
    return status;
  }

  status = open_device (ctx, GH_DEVICE_CUDA, threads, detail, sizeof detail);
  if (status == GH_OK) {
    say (reason, reason_size, "cuda, the best that works here");
    return GH_OK;
  }
  char cpu_detail[256] = "";
  status = open_device (ctx, GH_DEVICE_CPU, threads, cpu_detail, sizeof cpu_detail);
  if (status == GH_OK)
    say (reason, reason_size, "cpu with %d thread%s, the best that works here (no cuda: %s)", (*ctx)->threads,
        (*ctx)->threads == 1 ? "" : "s", detail);
  else
    say (reason, reason_size, "%s", cpu_detail);
  return status;
}

void
gh_ctx_free (GhCtx *ctx)
{
  if (!ctx)
    return;
  if (ctx->scratch)
    ctx->backend->free (ctx, ctx->scratch);
  if (ctx->backend->close)
    ctx->backend->close (ctx);
  free (ctx);
}

/* ---- asking ------------------------------------------------------------------------------------------ */

GhDevice
gh_ctx_device (const GhCtx *ctx)
{
  return ctx ? ctx->device : GH_DEVICE_AUTO;
}

int
gh_ctx_threads (const GhCtx *ctx)
{
  return ctx ? ctx->threads : 0;
}

const char *
gh_device_name (GhDevice device)
{
  return device >= GH_DEVICE_AUTO && device <= GH_DEVICE_CUDA ? device_names[device] : "unknown";
}

const char *
gh_dtype_name (GhDtype dtype)
{
  return (int) dtype >= 0 && dtype < GH_N_DTYPES ? dtype_names[dtype] : "unknown";
}

const char *
gh_last_error (const GhCtx *ctx)
{
  return ctx ? ctx->error : "no context";
}

bool
gh_supports (const GhCtx *ctx, GhDtype dtype, bool *fast, const char **engine)
{
  bool is_fast = false;
  const char *name = "none";
  bool yes = ctx && (int) dtype >= 0 && dtype < GH_N_DTYPES
      && ctx->backend->supports && ctx->backend->supports (ctx, dtype, &is_fast, &name);

  if (fast)
    *fast = yes && is_fast;
  if (engine)
    *engine = yes ? name : "none";
  return yes;
}

GhDtype
gh_best_dtype (const GhCtx *ctx)
{
  return ctx && ctx->backend->best_dtype ? ctx->backend->best_dtype (ctx) : GH_DTYPE_F32;
}

/* ---- memory ------------------------------------------------------------------------------------------ */

GhStatus
gh_alloc (GhCtx *ctx, void **ptr, size_t bytes)
{
  if (!ctx || !ptr)
    return GH_INVAL;
  *ptr = NULL;
  return ctx->backend->alloc (ctx, ptr, bytes);
}

void
gh_free (GhCtx *ctx, void *ptr)
{
  if (ctx && ptr)
    ctx->backend->free (ctx, ptr);
}

GhStatus
gh_upload (GhCtx *ctx, void *dst, const void *host_src, size_t bytes)
{
  if (!ctx)
    return GH_INVAL;
  if (bytes == 0)
    return GH_OK;
  if (!dst || !host_src)
    return gh_fail (ctx, GH_INVAL, "gh_upload: no memory given");
  return ctx->backend->upload (ctx, dst, host_src, bytes);
}

GhStatus
gh_download (GhCtx *ctx, void *host_dst, const void *src, size_t bytes)
{
  if (!ctx)
    return GH_INVAL;
  if (bytes == 0)
    return GH_OK;
  if (!host_dst || !src)
    return gh_fail (ctx, GH_INVAL, "gh_download: no memory given");
  return ctx->backend->download (ctx, host_dst, src, bytes);
}

GhStatus
gh_sync (GhCtx *ctx)
{
  if (!ctx)
    return GH_INVAL;
  return ctx->backend->sync ? ctx->backend->sync (ctx) : GH_OK;
}

GhStatus
gh_memory_left (GhCtx *ctx, size_t *bytes)
{
  if (!ctx || !bytes)
    return GH_INVAL;
  if (!ctx->backend->memory_left)
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end uses the host's memory", ctx->backend->name);
  return ctx->backend->memory_left (ctx, bytes);
}

/* ---- memory of others -------------------------------------------------------------------------------- */

GhStatus
gh_device_handle (GhCtx *ctx, void **handle, int *device)
{
  if (!ctx || !handle || !device)
    return GH_INVAL;
  *handle = NULL;
  *device = -1;
  if (!ctx->backend->device_handle)
    return gh_fail (ctx, GH_UNSUPPORTED, "memory of the %s back end is the host's", ctx->backend->name);
  return ctx->backend->device_handle (ctx, handle, device);
}

GhStatus
gh_await_others (GhCtx *ctx)
{
  if (!ctx)
    return GH_INVAL;
  return ctx->backend->await_others ? ctx->backend->await_others (ctx) : GH_OK;
}

/* ---- graphs ------------------------------------------------------------------------------------------ */

struct GhGraph {
  const GhBackend *backend;
  void *recorded;
  const void *scratch;          /* where the context's scratch lay: recorded calls point into it */
};

GhStatus
gh_graph_begin (GhCtx *ctx)
{
  if (!ctx)
    return GH_INVAL;
  if (!ctx->backend->graph_begin)
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end records no graphs", ctx->backend->name);
  return ctx->backend->graph_begin (ctx);
}

GhStatus
gh_graph_end (GhCtx *ctx, GhGraph **graph)
{
  if (!ctx || !graph)
    return GH_INVAL;
  *graph = NULL;
  if (!ctx->backend->graph_end)
    return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end records no graphs", ctx->backend->name);
  GhGraph *g = calloc (1, sizeof *g);
  if (!g)
    return gh_fail (ctx, GH_NOMEM, "not enough memory for a graph");
  g->backend = ctx->backend;
  g->scratch = ctx->scratch;
  GhStatus status = ctx->backend->graph_end (ctx, &g->recorded);
  if (status == GH_OK)
    *graph = g;
  else
    free (g);
  return status;
}

bool
gh_graph_fits (const GhCtx *ctx, const GhGraph *graph)
{
  return ctx && graph && graph->backend == ctx->backend && graph->scratch == ctx->scratch;
}

GhStatus
gh_graph_run (GhCtx *ctx, GhGraph *graph)
{
  if (!ctx)
    return GH_INVAL;
  if (!gh_graph_fits (ctx, graph))
    return gh_fail (ctx, GH_INVAL, "gh_graph_run: not recorded on this context, or its scratch has moved since");
  return ctx->backend->graph_run (ctx, graph->recorded);
}

void
gh_graph_free (GhGraph *graph)
{
  if (!graph)
    return;
  graph->backend->graph_free (graph->recorded);
  free (graph);
}
