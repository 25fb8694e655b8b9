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

/* Runs a grid now. */
void gh_emulation_run (dim3 grid, dim3 block, size_t shared_bytes, const std::function<void ()> &body, const char *file,
    int line);

/* `bytes` of ones, a NaN to floats, with guards around them. NULL: there is not so much memory. */
char *gh_emulation_allocate (size_t bytes, size_t alignment);
void gh_emulation_release (char *p);
bool gh_emulation_guards_hold (const char *p, size_t bytes);

/* Ends the program when something wrote next to device memory; the launch at file:line is to blame. */
void gh_emulation_check_memory (const char *file, int line);

/* What the first threads of a block still had under way by cp.async is lost: a new block begins. */
void gh_emulation_forget_copies (unsigned threads);
