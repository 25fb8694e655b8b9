/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * emulation-private.h: what the scheduler (cuda-emulation.cc) and the runtime (emulated-runtime.cc) know of each other.
 */
#pragma once

#include "cuda-emulation.h"

/* Bytes before and after each piece of emulated memory. The address sanitizer has its own. */
#ifdef __SANITIZE_ADDRESS__
enum { GH_GUARD = 0 };
#else
enum { GH_GUARD = 1024 };
#endif

/* Ends the program with a line on stderr that names the block under way. */
[[noreturn]] __attribute__ ((format (printf, 1, 2))) void gh_emulation_die (const char *format, ...);

/* Runs a grid now: one block after the other, or, in clusters of `cluster` blocks, all of them at once. */
void gh_emulation_run (dim3 grid, dim3 block, size_t shared_bytes, unsigned cluster, const std::function<void ()> &body,
    const char *file, int line);

/* A turn for others, of a thread that waits at `what` for what they do. The program ends when nobody does anything. */
void gh_emulation_spin (const char *what, const char *file, int line);
/* The wait is over. */
void gh_emulation_go_on (void);
/* A place in this block's shared memory, in that of a block of its cluster. */
void *gh_emulation_shared_of (void *mine, unsigned rank);
unsigned gh_emulation_cluster_rank (void);
unsigned gh_emulation_cluster_size (void);
/* Meets `threads` of the block, or of its cluster. */
void gh_emulation_meet (unsigned id, unsigned threads, bool of_cluster, const char *what, const char *file, int line);

/* `bytes` of ones, a NaN to floats, with guards around them. NULL: there is not so much memory. */
char *gh_emulation_allocate (size_t bytes, size_t alignment);
void gh_emulation_release (char *p);
bool gh_emulation_guards_hold (const char *p, size_t bytes);

/* Ends the program when something wrote next to device memory; the launch at file:line is to blame. */
void gh_emulation_check_memory (const char *file, int line);

/* What the first threads of a block still had under way by cp.async is lost: a new block begins. */
void gh_emulation_forget_copies (unsigned threads);

/* The same of bulk copies and products of a launch that begins. */
void gh_emulation_forget_bulk (void);
