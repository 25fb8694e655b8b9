/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-emulation.h: what the tests of the emulation share: device memory, orders, and children that may die.
 */
#pragma once

#include "cuda-emulation.h"
#include "tests/kernels/check.h"

#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

static const char *const orders[] = { "", "forward", "reverse", "1", "2", "3", "4", "5" };
static const unsigned ALL = 0xffffffffu;

namespace {
/* n values on the device. */
template <class T> struct Device {
  T *p = nullptr;
  size_t n;

  explicit Device (size_t n) : n (n) { CHECK (cudaMalloc (&p, n * sizeof (T)) == cudaSuccess); }
  explicit Device (const std::vector<T> &from) : Device (from.size ())
  {
    CHECK (cudaMemcpy (p, from.data (), n * sizeof (T), cudaMemcpyHostToDevice) == cudaSuccess);
  }
  Device (const Device &) = delete;
  ~Device () { CHECK (cudaFree (p) == cudaSuccess); }
  std::vector<T> read () const
  {
    std::vector<T> to (n);
    CHECK (cudaMemcpy (to.data (), p, n * sizeof (T), cudaMemcpyDeviceToHost) == cudaSuccess);
    return to;
  }
};

/* How a child ended, and what it wrote to stderr. */
struct End {
  int status;
  std::string text;
};
}

/* Runs `act` in a child, which exits with what it returns. */
static inline End
run_in_child (const std::function<int ()> &act)
{
  int ends[2];
  End end = { -1, "" };
  char buffer[4096];
  ssize_t got;

  if (pipe (ends) != 0)
    return end;
  fflush (stdout);
  pid_t child = fork ();
  if (child == 0) {
    failures = 0;
    alarm (60);
    dup2 (ends[1], STDERR_FILENO);
    close (ends[0]);
    _exit (act ());
  }
  close (ends[1]);
  while ((got = read (ends[0], buffer, sizeof buffer)) > 0)
    end.text.append (buffer, (size_t) got);
  close (ends[0]);
  waitpid (child, &end.status, 0);
  return end;
}

static inline bool
says (const End &end, const char *words)
{
  bool found = end.text.find (words) != std::string::npos;

  if (!found)
    printf ("wanted \"%s\", got status %x and: %s\n", words, (unsigned) end.status, end.text.c_str ());
  return found;
}
