/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cuda-emulation.cc: the scheduler of cuda-emulation.h: blocks, their threads, and where these meet.
 */
#undef _FORTIFY_SOURCE          /* its longjmp() refuses to change stacks */
#include "emulation-private.h"
#include "fiber.h"

#include <stdarg.h>
#include <stdio.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

__thread uint3 threadIdx, blockIdx;
__thread dim3 blockDim, gridDim;

namespace {

enum { WARP = 32 };

enum class State { fresh, ready, at_block, at_warp, ended };

struct Thread {
  State state = State::fresh;
  Fiber *fiber = nullptr;
  uint3 index = { };
  /* Where it waits, and what it brings and takes there. */
  const char *what = "", *file = "";
  int line = 0;
  unsigned mask = 0, source = 0;
  uint64_t word = 0;
  GhEmulatedMeeting met = { };
};

/* Lanes, a bit each. */
struct Warp {
  unsigned live = 0, waiting = 0;
};

/* Threads that meet by number: how many have come, how often all had. */
struct Meeting {
  unsigned come = 0, times = 0;
};

/* A block under way. */
struct Block {
  uint3 index = { };
  const std::function<void ()> *body;
  std::vector<unsigned> order;  /* in which threads take turns */
  bool by_warps;                /* each warp as far as it gets before the next; else all threads a step each */
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  size_t next = 0, stop = 0;    /* of the order, to be started now */
  unsigned running = 0, live = 0, waiting = 0;
  char *shared = nullptr;
  Meeting meetings[16];
};

thread_local Block *block;
/* Blocks that run at once, `cluster` neighbours in a cluster; and turns since one of them got anywhere. */
thread_local std::vector<Block> residents;
thread_local unsigned cluster;
thread_local size_t idle_turns;
thread_local unsigned launches;

/* ---- the threads of a block ------------------------------------------------------------------------------ */

std::string
describe (unsigned i)
{
  const Thread &t = block->threads[i];
  char text[400];

  snprintf (text, sizeof text, "thread (%u,%u,%u)", t.index.x, t.index.y, t.index.z);
  if (t.state == State::at_block || t.state == State::at_warp || (cluster > 0 && t.state == State::ready))
    snprintf (text + strlen (text), sizeof text - strlen (text), " waits at %s () (%s:%d)", t.what, t.file, t.line);
  return text;
}

/* The first thread in that state, which there is. */
unsigned
first_at (State state)
{
  unsigned i = 0;

  while (block->threads[i].state != state)
    i++;
  return i;
}

[[noreturn]] void
die_of_absence (unsigned waiting, unsigned ended)
{
  gh_emulation_die ("%s, which %s never reaches", describe (waiting).c_str (), describe (ended).c_str ());
}

bool
same_place (const Thread &a, const Thread &b)
{
  return a.line == b.line && (a.file == b.file || strcmp (a.file, b.file) == 0);
}

void
check_same_place (unsigned a, unsigned b)
{
  if (!same_place (block->threads[a], block->threads[b]))
    gh_emulation_die ("%s, but %s", describe (a).c_str (), describe (b).c_str ());
}

/* Lets the lanes of `mask` go on once all that live have come with that mask. */
void
try_meeting (unsigned warp, unsigned mask)
{
  Warp &w = block->warps[warp];
  Thread *lanes = &block->threads[warp * WARP];
  unsigned present = mask & w.live, votes = 0, first = __builtin_ffs ((int) present) - 1;

  if (!present || (w.waiting & present) != present)
    return;
  for (unsigned rest = present; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz (rest);
    if (lanes[lane].mask != mask)
      return;
    votes |= (lanes[lane].word != 0 ? 1u : 0) << lane;
  }
  for (unsigned rest = present; rest; rest &= rest - 1) {
    unsigned lane = __builtin_ctz (rest), source = lanes[lane].source;
    check_same_place (warp * WARP + first, warp * WARP + lane);
    lanes[lane].met = { present >> source & 1 ? lanes[source].word : ~UINT64_C (0), present, votes };
  }
  for (unsigned rest = present; rest; rest &= rest - 1)
    lanes[__builtin_ctz (rest)].state = State::ready;
  w.waiting &= ~present;
  idle_turns = 0;
}

void
try_barrier ()
{
  unsigned n = (unsigned) block->threads.size ();

  if (block->waiting < n)
    return;
  for (unsigned i = 1; i < n; i++)
    check_same_place (0, i);
  for (Thread &t : block->threads)
    t.state = State::ready;
  block->waiting = 0;
  idle_turns = 0;
}

/* Until others have let it go on. */
void
wait_as (State why)
{
  unsigned mine = block->running;

  block->threads[mine].state = why;
  if (why == State::at_block)
    try_barrier ();
  else
    try_meeting (mine / WARP, block->threads[mine].mask);
  out_of_fiber ();
}

void
end (unsigned i)
{
  Warp &w = block->warps[i / WARP];

  block->threads[i].state = State::ended;
  block->live--;
  idle_turns = 0;
  w.live &= ~(1u << i % WARP);
  if (block->waiting > 0)
    die_of_absence (first_at (State::at_block), i);
  for (unsigned rest = w.waiting; rest; rest &= w.waiting & (rest - 1))
    try_meeting (i / WARP, block->threads[i / WARP * WARP + __builtin_ctz (rest)].mask);
}

void
run_as (unsigned i)
{
  block->running = i;
  threadIdx = block->threads[i].index;
}

/* What every fiber does: one thread after the other for as long as none waits; else it ends the one that did. */
void
fiber_main ()
{
  arrive_on_fiber ();
  for (;;) {
    while (block->next < block->stop) {
      unsigned i = block->order[block->next++];
      block->threads[i].fiber = current;
      block->threads[i].state = State::ready;
      run_as (i);
      (*block->body) ();
      end (i);
    }
    idle_fibers.push_back (current);
    out_of_fiber ();
  }
}

[[noreturn]] void
die_of_waiting ()
{
  std::string all;

  for (unsigned i = 0, shown = 0; i < block->threads.size () && shown < 3; i++) {
    State state = block->threads[i].state;
    bool waits = state == State::at_block || state == State::at_warp || (cluster > 0 && state == State::ready);
    bool like_last = i > 0 && waits && same_place (block->threads[i], block->threads[i - 1]);
    if (!waits || like_last)
      continue;
    all += (shown++ ? ", " : "") + describe (i);
  }
  gh_emulation_die ("threads wait for each other for ever: %s", all.c_str ());
}

/* A turn for each thread from `begin` to `end` of the order that can go on; whether there was one. */
bool
take_turns (size_t begin, size_t end)
{
  bool moved = false;

  for (size_t at = begin; at < end; at++) {
    unsigned i = block->order[at];
    Thread &t = block->threads[i];
    if (t.state != State::fresh && t.state != State::ready)
      continue;
    if (t.state == State::fresh) {
      block->stop = end;
      into_fiber (take_fiber (fiber_main));
    } else {
      run_as (i);
      into_fiber (t.fiber);
    }
    moved = true;
  }
  return moved;
}

/* Where the warp ends that begins there in the order. */
size_t
end_of_warp (size_t begin)
{
  size_t end = begin + 1;

  while (end < block->order.size () && block->order[end] / WARP == block->order[begin] / WARP)
    end++;
  return end;
}

void
run_block ()
{
  size_t n = block->order.size ();

  while (block->live > 0) {
    bool moved = false;
    for (size_t begin = 0, end; begin < n; begin = end) {
      end = block->by_warps ? end_of_warp (begin) : n;
      while (take_turns (begin, end))
        moved = true;
    }
    if (!moved)
      die_of_waiting ();
  }
}

/* A turn for each thread of each block that can go on, as long as there are any. Those that only look whether they may go
 * on have a turn, too: when nothing else has happened for a while, nothing ever will. */
void
run_residents ()
{
  bool live = true;

  idle_turns = 0;
  while (live) {
    live = false;
    for (Block &b : residents) {
      block = &b;
      blockIdx = b.index;
      if (b.live > 0) {
        if (!take_turns (0, b.order.size ()))
          idle_turns++;
        live = true;
      }
      if (idle_turns > 20 * residents.size () * (b.order.size () + 1))
        die_of_waiting ();
    }
  }
}

/* ---- launches -------------------------------------------------------------------------------------------- */

enum class Turns { forward, reverse, shuffled };

Turns
choose_turns (unsigned *seed)
{
  const char *wanted = getenv ("GST_HEADS_EMULATION_ORDER");
  char *rest;

  *seed = launches++;
  if (!wanted || !*wanted)
    return (Turns) (*seed % 3);
  if (strcmp (wanted, "forward") == 0)
    return Turns::forward;
  if (strcmp (wanted, "reverse") == 0)
    return Turns::reverse;
  *seed = (unsigned) strtoul (wanted, &rest, 10);
  if (*rest)
    gh_emulation_die ("GST_HEADS_EMULATION_ORDER=%s is neither forward, reverse nor a number", wanted);
  return Turns::shuffled;
}

void
prepare_block (Block *b)
{
  unsigned n = (unsigned) b->order.size (), warps = (n + WARP - 1) / WARP;

  gh_emulation_forget_copies (n);
  b->threads.assign (n, Thread ());
  for (unsigned i = 0; i < n; i++)
    b->threads[i].index = { i % blockDim.x, i / blockDim.x % blockDim.y, i / blockDim.x / blockDim.y };
  b->warps.assign (warps, Warp ());
  for (unsigned i = 0; i < n; i++)
    b->warps[i / WARP].live |= 1u << i % WARP;
  b->next = 0;
  b->live = n;
  b->waiting = 0;
}

}

static void
finish_block (Block *b, size_t shared_bytes, const char *file, int line)
{
  if (!gh_emulation_guards_hold (b->shared, shared_bytes))
    gh_emulation_die ("the launch at %s:%d wrote beyond its %zu bytes of shared memory", file, line, shared_bytes);
}

static char *
shared_memory (size_t bytes, const char *file, int line)
{
  char *shared = gh_emulation_allocate (bytes, 1024);

  if (!shared)
    gh_emulation_die ("no %zu bytes of shared memory for the launch at %s:%d", bytes, file, line);
  return shared;
}

/* All blocks of a grid at once. */
static void
run_at_once (const Block &like, unsigned blocks, size_t shared_bytes, const char *file, int line)
{
  gh_emulation_forget_bulk ();
  residents.assign (blocks, like);
  for (unsigned i = 0; i < blocks; i++) {
    Block &b = residents[i];
    b.index = { i, 0, 0 };
    b.shared = shared_memory (shared_bytes, file, line);
    prepare_block (&b);
  }
  run_residents ();
  for (Block &b : residents) {
    block = &b;
    finish_block (&b, shared_bytes, file, line);
    gh_emulation_release (b.shared);
  }
  block = nullptr;
  residents.clear ();
  gh_emulation_check_memory (file, line);
}

void
gh_emulation_run (dim3 grid, dim3 size, size_t shared_bytes, unsigned cluster_size, const std::function<void ()> &body,
    const char *file, int line)
{
  unsigned n = size.x * size.y * size.z, seed;
  Turns turns = choose_turns (&seed);
  size_t blocks = (size_t) grid.x * grid.y * grid.z;
  Block b;

  b.body = &body;
  b.by_warps = turns != Turns::shuffled;
  b.order.resize (n);
  for (unsigned i = 0; i < n; i++)
    b.order[i] = turns == Turns::reverse ? n - 1 - i : i;
  if (turns == Turns::shuffled)
    std::shuffle (b.order.begin (), b.order.end (), std::mt19937 (seed));
  gridDim = grid;
  blockDim = size;
  cluster = cluster_size;
  if (cluster > 0) {
    run_at_once (b, (unsigned) blocks, shared_bytes, file, line);
    return;
  }
  b.shared = shared_memory (shared_bytes, file, line);
  block = &b;
  for (size_t i = 0; i < blocks; i++) {
    size_t at = turns == Turns::reverse ? blocks - 1 - i : i;
    blockIdx = { (unsigned) (at % grid.x), (unsigned) (at / grid.x % grid.y), (unsigned) (at / grid.x / grid.y) };
    memset (b.shared, 0xff, shared_bytes);
    prepare_block (&b);
    run_block ();
    finish_block (&b, shared_bytes, file, line);
  }
  block = nullptr;
  gh_emulation_release (b.shared);
  gh_emulation_check_memory (file, line);
}

void
gh_emulation_die (const char *format, ...)
{
  va_list args;

  va_start (args, format);
  fputs ("cuda emulation: ", stderr);
  if (block)
    fprintf (stderr, "block (%u,%u,%u): ", blockIdx.x, blockIdx.y, blockIdx.z);
  vfprintf (stderr, format, args);
  fputc ('\n', stderr);
  va_end (args);
  abort ();
}

/* ---- what kernels call ----------------------------------------------------------------------------------- */

void *
gh_emulated_shared (void)
{
  return block->shared;
}

unsigned
gh_emulated_lane (void)
{
  return block->running % WARP;
}

void
__syncthreads (const char *file, int line)
{
  Thread &t = block->threads[block->running];

  t.what = "__syncthreads";
  t.file = file;
  t.line = line;
  block->waiting++;
  if (block->live < block->threads.size ()) {
    t.state = State::at_block;
    die_of_absence (block->running, first_at (State::ended));
  }
  wait_as (State::at_block);
}

GhEmulatedMeeting
gh_emulate_meeting (const char *what, unsigned mask, uint64_t word, unsigned source, const char *file, int line)
{
  unsigned lane = gh_emulated_lane ();
  Thread &t = block->threads[block->running];

  if (!(mask >> lane & 1))
    gh_emulation_die ("%s is not of the mask %08x of its %s () (%s:%d)", describe (block->running).c_str (), mask, what,
        file, line);
  t.what = what;
  t.file = file;
  t.line = line;
  t.mask = mask;
  t.source = source % WARP;
  t.word = word;
  block->warps[block->running / WARP].waiting |= 1u << lane;
  wait_as (State::at_warp);
  return t.met;
}

/* ---- for blocks that run at once ------------------------------------------------------------------------- */

void
gh_emulation_spin (const char *what, const char *file, int line)
{
  Thread &t = block->threads[block->running];

  t.what = what;
  t.file = file;
  t.line = line;
  idle_turns++;
  out_of_fiber ();
}

void
gh_emulation_go_on (void)
{
  idle_turns = 0;
}

static Block *
of_cluster (unsigned rank)
{
  return &residents[blockIdx.x / cluster * cluster + rank];
}

void *
gh_emulation_shared_of (void *mine, unsigned rank)
{
  if (rank >= cluster)
    gh_emulation_die ("there is no block %u in a cluster of %u", rank, cluster);
  return of_cluster (rank)->shared + ((char *) mine - block->shared);
}

unsigned
gh_emulation_cluster_rank (void)
{
  return blockIdx.x % cluster;
}

unsigned
gh_emulation_cluster_size (void)
{
  return cluster;
}

void
gh_emulation_meet (unsigned id, unsigned threads, bool in_cluster, const char *what, const char *file, int line)
{
  Meeting *meeting = &(in_cluster ? of_cluster (0) : block)->meetings[id];
  unsigned times = meeting->times;

  if (++meeting->come == threads) {
    meeting->come = 0;
    meeting->times++;
  }
  while (meeting->times == times)
    gh_emulation_spin (what, file, line);
  gh_emulation_go_on ();
}
