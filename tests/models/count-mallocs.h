/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * count-mallocs.h: counts every malloc of the process, in the one file that includes it. Needs glibc without a
 * sanitizer, as both replace malloc: then COUNT_MALLOCS is defined, and `mallocs` counts.
 */
#pragma once

#include <stdatomic.h>
#include <stdlib.h>

#if defined (__GLIBC__) && !defined (__SANITIZE_ADDRESS__) && !defined (__SANITIZE_THREAD__)

#define COUNT_MALLOCS 1

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t n, size_t size);
extern void *__libc_realloc (void *ptr, size_t size);
extern void *__libc_memalign (size_t alignment, size_t size);

static atomic_int mallocs;

void *
malloc (size_t size)
{
  atomic_fetch_add (&mallocs, 1);
  return __libc_malloc (size);
}

void *
calloc (size_t n, size_t size)
{
  atomic_fetch_add (&mallocs, 1);
  return __libc_calloc (n, size);
}

void *
realloc (void *ptr, size_t size)
{
  atomic_fetch_add (&mallocs, 1);
  return __libc_realloc (ptr, size);
}

void *
aligned_alloc (size_t alignment, size_t size)
{
  atomic_fetch_add (&mallocs, 1);
  return __libc_memalign (alignment, size);
}

int
posix_memalign (void **ptr, size_t alignment, size_t size)
{
  atomic_fetch_add (&mallocs, 1);
  *ptr = __libc_memalign (alignment, size);
  return *ptr ? 0 : 12;         /* ENOMEM */
}

#endif
