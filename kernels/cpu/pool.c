/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pool.c: see pool.h. One job at a time. `ticket` counts jobs and wakes sleepers; every thread has a share of the
 * indices and a counter that hands them out, to itself first and then to whoever is done with its own.
 *
 * A worker enters a job by raising `inside` and then looking at `open`; the caller leaves it by clearing `open` and
 * then waiting for `inside` to fall to 0. Both orders are sequentially consistent, so a worker that wakes too late sees
 * a closed job and goes back to sleep, and the caller never waits for one that has not started: on a busy machine a
 * sleeping worker costs nothing. */
#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define cpu_relax() _mm_pause ()
#else
#define cpu_relax() ((void) 0)
#endif

/* A thread's share of a job's indices, on a cache line of its own. */
typedef struct {
  _Alignas (64) atomic_int next;
  int end;
} Share;

/* About 20 microseconds on a current core: longer than the gap between two layers, far shorter than a frame. */
enum { SPINS = 2000 };

typedef struct {
  struct GhPool_ *pool;
  pthread_t thread;
  int index;
} Worker;

struct GhPool_ {
  void (*task) (void *arg, int index, int thread);
  void *arg;
  Share *shares;                /* [n_workers + 1] */
  atomic_int inside;
  atomic_bool open;
  atomic_uint ticket;
  atomic_bool quit;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  int n_workers;
  Worker *workers;
};

static void
run_tasks (struct GhPool_ *pool, int thread)
{
  int n_threads = pool->n_workers + 1;

  for (int i = 0; i < n_threads; i++) {
    Share *share = &pool->shares[(thread + i) % n_threads];
    int task;

    while ((task = atomic_fetch_add_explicit (&share->next, 1, memory_order_relaxed)) < share->end)
      pool->task (pool->arg, task, thread);
  }
}

static void
deal (struct GhPool_ *pool, int n_tasks)
{
  int n_threads = pool->n_workers + 1;

  for (int i = 0; i < n_threads; i++) {
    atomic_store_explicit (&pool->shares[i].next, (int) ((long long) n_tasks * i / n_threads), memory_order_relaxed);
    pool->shares[i].end = (int) ((long long) n_tasks * (i + 1) / n_threads);
  }
}

static unsigned
wait_for_ticket (struct GhPool_ *pool, unsigned seen)
{
  unsigned ticket;

  for (int spin = 0; spin < SPINS; spin++) {
    ticket = atomic_load (&pool->ticket);
    if (ticket != seen)
      return ticket;
    cpu_relax ();
  }
  pthread_mutex_lock (&pool->lock);
  while ((ticket = atomic_load (&pool->ticket)) == seen)
    pthread_cond_wait (&pool->wake, &pool->lock);
  pthread_mutex_unlock (&pool->lock);
  return ticket;
}

static void *
worker_main (void *data)
{
  Worker *worker = data;
  struct GhPool_ *pool = worker->pool;
  unsigned seen = 0;

  while (!atomic_load (&pool->quit)) {
    seen = wait_for_ticket (pool, seen);
    atomic_fetch_add (&pool->inside, 1);
    if (atomic_load (&pool->open))
      run_tasks (pool, worker->index);
    atomic_fetch_sub (&pool->inside, 1);
  }
  return NULL;
}

static void
publish (struct GhPool_ *pool)
{
  pthread_mutex_lock (&pool->lock);
  atomic_fetch_add (&pool->ticket, 1);
  pthread_cond_broadcast (&pool->wake);
  pthread_mutex_unlock (&pool->lock);
}

GhStatus
gh_pool_open (GhCtx *ctx)
{
  struct GhPool_ *pool = calloc (1, sizeof *pool);

  if (pool == NULL)
    return gh_fail (ctx, GH_NOMEM, "no memory for the thread pool");
  pool->workers = calloc (ctx->threads, sizeof *pool->workers);
  pool->shares = aligned_alloc (64, ctx->threads * sizeof *pool->shares);
  if (pool->workers == NULL || pool->shares == NULL) {
    free (pool->workers);
    free (pool->shares);
    free (pool);
    return gh_fail (ctx, GH_NOMEM, "no memory for the thread pool");
  }
  pthread_mutex_init (&pool->lock, NULL);
  pthread_cond_init (&pool->wake, NULL);
  for (int i = 1; i < ctx->threads; i++) {
    Worker *worker = &pool->workers[pool->n_workers];

    worker->pool = pool;
    worker->index = i;
    if (pthread_create (&worker->thread, NULL, worker_main, worker) != 0)
      break;
    pool->n_workers++;
  }
  ctx->threads = pool->n_workers + 1;
  ctx->pool = pool;
  return GH_OK;
}

void
gh_pool_close (GhCtx *ctx)
{
  struct GhPool_ *pool = ctx->pool;

  if (pool == NULL)
    return;
  atomic_store (&pool->quit, true);
  publish (pool);
  for (int i = 0; i < pool->n_workers; i++)
    pthread_join (pool->workers[i].thread, NULL);
  pthread_cond_destroy (&pool->wake);
  pthread_mutex_destroy (&pool->lock);
  free (pool->workers);
  free (pool->shares);
  free (pool);
  ctx->pool = NULL;
}

void
gh_parallel (GhCtx *ctx, int n_tasks, void (*task) (void *arg, int index, int thread), void *arg)
{
  struct GhPool_ *pool = ctx->pool;

  if (pool == NULL || pool->n_workers == 0 || n_tasks <= 1) {
    for (int i = 0; i < n_tasks; i++)
      task (arg, i, 0);
    return;
  }
  pool->task = task;
  pool->arg = arg;
  deal (pool, n_tasks);
  atomic_store (&pool->open, true);
  publish (pool);
  run_tasks (pool, 0);
  atomic_store (&pool->open, false);
  for (int spin = 0; atomic_load (&pool->inside) != 0; spin++) {
    if (spin < SPINS)
      cpu_relax ();
    else
      sched_yield ();
  }
}
