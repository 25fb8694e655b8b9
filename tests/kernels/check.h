/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * check.h: for the small programs beside the cases: counts what does not hold and goes on.
 */
#pragma once

#include <stdio.h>

static int failures;

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      printf ("FAIL %s:%d: %s\n", __FILE__, __LINE__, #condition); \
      failures++; \
    } \
  } while (0)

static inline int
check_result (void)
{
  printf (failures ? "%d failures\n" : "ok\n", failures);
  return failures ? 1 : 0;
}
