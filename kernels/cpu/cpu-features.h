/* SPDX-License-Identifier: LGPL-2.1-or-later
 * cpu-features.h (private): what this processor and its operating system offer, asked once at run time.
 *
 * GST_HEADS_CPU = baseline, avx2 or avx512 caps the answers, so that tests run the lower paths too; with wide the
 * kernels take the shapes of AVX-512 in AVX2's instructions (linear.h). */
#pragma once

#include <stdbool.h>

bool gh_cpu_has_avx2_fma (void);
bool gh_cpu_has_avx512 (void);          /* F, BW, DQ, VL */
bool gh_cpu_has_avx512_vnni (void);
bool gh_cpu_has_avx512_bf16 (void);
/* The matrix unit with bfloat16 and bytes, beside all of the above. The first call asks the system to let this process
 * use it: from then on it keeps the unit's registers, 8 KiB, for every thread that has touched them. */
bool gh_cpu_has_amx (void);

/* Processors this process may run on (affinity mask), at least 1. */
int gh_cpu_count (void);
