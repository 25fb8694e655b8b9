/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * cpu.h (private): what the vector code of each instruction set (overrides.c) puts into the cpu table.
 */
#pragma once

#include "kernels/gh-backend.h"

void gh_cpu_override_baseline (GhBackend *backend);
void gh_cpu_override_avx2 (GhBackend *backend);
void gh_cpu_override_wide (GhBackend *backend);
void gh_cpu_override_avx512 (GhBackend *backend);
/* After avx512: what the matrix unit does better. */
void gh_cpu_override_amx (GhBackend *backend);
