/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * fiber.h (private): stacks that the scheduler of cuda-emulation.cc, and nobody else, changes between. Without
 * _FORTIFY_SOURCE, whose longjmp() refuses to.
 */
#pragma once

#include "emulation-private.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <memory>
#include <vector>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace {

#ifdef __SANITIZE_ADDRESS__
enum { STACK = 256 << 10 };
#else
enum { STACK = 64 << 10 };
#endif
enum { PAGE = 64 << 10 /* at least one, on every processor */ };

/* A stack, with a page below it that faults when it is written over. It begins with `main`, which never returns. */
struct Fiber {
  ucontext_t context;
  jmp_buf at;
  bool started = false;
  void *fake = nullptr;         /* of the address sanitizer */
  char *memory;

  explicit Fiber (void (*main) (void))
  {
    memory = (char *) mmap (nullptr, PAGE + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect (memory, PAGE, PROT_NONE) != 0)
      gh_emulation_die ("no memory for the stack of a thread");
    getcontext (&context);
    context.uc_stack.ss_sp = stack ();
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext (&context, main, 0);
  }
  ~Fiber () { munmap (memory, PAGE + STACK); }
  char *stack () const { return memory + PAGE; }
};

thread_local Fiber *current;    /* the fiber under way */
/* Fibers outlive blocks and launches. */
thread_local std::vector<std::unique_ptr<Fiber>> fibers;
thread_local std::vector<Fiber *> idle_fibers;

/* One that waits for work, or a new one. */
Fiber *
take_fiber (void (*main) (void))
{
  if (idle_fibers.empty ()) {
    fibers.push_back (std::make_unique<Fiber> (main));
    idle_fibers.push_back (fibers.back ().get ());
  }
  Fiber *fiber = idle_fibers.back ();
  idle_fibers.pop_back ();
  return fiber;
}

/* A context starts a fiber; from then on jumps, which need no system call. */
thread_local jmp_buf scheduler;

#ifdef __SANITIZE_ADDRESS__
thread_local const void *scheduler_stack;
thread_local size_t scheduler_stack_size;

void
leave (void **fake, const void *stack, size_t size)
{
  __sanitizer_start_switch_fiber (fake, stack, size);
}

void
arrive_on_fiber ()
{
  __sanitizer_finish_switch_fiber (current->fake, &scheduler_stack, &scheduler_stack_size);
}

void
arrive_on_scheduler (void *fake)
{
  __sanitizer_finish_switch_fiber (fake, nullptr, nullptr);
}

/* The C library's own: the sanitizer's takes a jump for leaving functions, and forgets what it knows of the stack. */
void (*
find_jump ()) (jmp_buf, int)
{
  void *library = dlopen ("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
  void *found = library ? dlsym (library, "_longjmp") : nullptr;

  return found ? (void (*) (jmp_buf, int)) found : _longjmp;
}

void (*const jump) (jmp_buf, int) = find_jump ();
#else
const void *const scheduler_stack = nullptr;
const size_t scheduler_stack_size = 0;

void leave (void **, const void *, size_t) { }
void arrive_on_fiber () { }
void arrive_on_scheduler (void *) { }
void (*const jump) (jmp_buf, int) = _longjmp;
#endif

void
into_fiber (Fiber *fiber)
{
  void *fake = nullptr;

  current = fiber;
  leave (&fake, fiber->stack (), STACK);
  if (!_setjmp (scheduler)) {
    if (fiber->started)
      jump (fiber->at, 1);
    fiber->started = true;
    setcontext (&fiber->context);
  }
  arrive_on_scheduler (fake);
}

void
out_of_fiber ()
{
  leave (&current->fake, scheduler_stack, scheduler_stack_size);
  if (!_setjmp (current->at))
    jump (scheduler, 1);
  arrive_on_fiber ();
}

}
