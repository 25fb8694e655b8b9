/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-hf-layout.h (private): Meta's MAE ViT-B/L/H as Hugging Face's transformers writes it (ViTMAEModel, and
 * ViTMAEForPreTraining with its decoder), translated to our names. The tables of both layouts side by side:
 * docs/checkpoint-format.md.
 */
#pragma once

#include "gh-checkpoint.h"

G_BEGIN_DECLS

gboolean gh_hf_layout_detect (GhSafetensors *st);

/* Shapes tell nearly all of it. The number of heads and the norms' eps come from a config.json of model type vit_mae
 * beside the file, or else are those of ViT-B/L/H and transformers' default. Errors name the file. */
gboolean gh_hf_layout_config (GhSafetensors *st, GhMaeConfig *config, GError **error);

/* Finds the tensor of ours called `name`. FALSE when the file lacks it. */
gboolean gh_hf_layout_source (GhSafetensors *st, const char *name, GhTensorSource *source);

G_END_DECLS
