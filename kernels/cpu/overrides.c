/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * overrides.c (once per instruction set): the operations of this set.
 */
#include "isa.h"

void
ISA_FN (gh_cpu_override) (GhBackend *backend)
{
  backend->bmm = ISA_FN (gh_cpu_bmm);
  backend->patchify_fwd = ISA_FN (gh_cpu_patchify_fwd);
  backend->layernorm_fwd = ISA_FN (gh_cpu_layernorm_fwd);
  backend->layernorm_bwd = ISA_FN (gh_cpu_layernorm_bwd);
  backend->gelu_fwd = ISA_FN (gh_cpu_gelu_fwd);
  backend->gelu_bwd = ISA_FN (gh_cpu_gelu_bwd);
  backend->softmax_fwd = ISA_FN (gh_cpu_softmax_fwd);
  backend->attention_fwd = ISA_FN (gh_cpu_attention_fwd);
  backend->segment_mean_fwd = ISA_FN (gh_cpu_segment_mean_fwd);
  backend->pinv_fwd = ISA_FN (gh_cpu_pinv_fwd);
  backend->value_conv_fwd = ISA_FN (gh_cpu_value_conv_fwd);
  backend->pool_fwd = ISA_FN (gh_cpu_pool_fwd);
  backend->sum_rows = ISA_FN (gh_cpu_sum_rows);
  backend->adamw = ISA_FN (gh_cpu_adamw);
}
