/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pool.h (private): the worker threads of one cpu context.
 *
 * A context owns threads - 1 workers; the caller is thread 0. Every thread runs a run of the indices of its own, the
 * first thread the first, so that what it wrote in one operation it finds in its cache in the next; one that is done
 * helps the others. So which thread runs a task varies, but a task's result must depend on its index alone: that keeps
 * every kernel's output the same for any number of threads. Between two calls workers spin for some microseconds
 * (the next layer follows at once), then sleep. */
#pragma once

#include "kernels/gh-backend.h"

GhStatus gh_pool_open (GhCtx *ctx);     /* starts ctx->threads - 1 workers; fewer when the system refuses */
void gh_pool_close (GhCtx *ctx);

/* Runs task(arg, index, thread) for index 0..n_tasks-1, thread 0..ctx->threads-1; returns when all are done. */
void gh_parallel (GhCtx *ctx, int n_tasks, void (*task) (void *arg, int index, int thread), void *arg);
