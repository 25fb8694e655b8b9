/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overrides-amx.c: the operations that the matrix unit does better than avx512, whose functions they fall back to.
 */
#include "cpu.h"
#include "isa.h"

void
gh_cpu_override_amx (GhBackend *backend)
{
  backend->attention_fwd = gh_cpu_attention_fwd_amx;
  backend->attention_bwd = gh_cpu_attention_bwd_amx;
}
