/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-mae-config.h: the shape of a masked autoencoder. It lives in the weight file's metadata (key "config",
 * a JSON object) or in a shipped models/NAME.json, never in code.
 */
#pragma once

#include "gh-error.h"
#include "kernels/gh-kernels.h"

G_BEGIN_DECLS

/* What the decoder says about a hidden patch. PATCH: its pixels, normalised by the patch's own mean and deviation (the
 * paper's best: textures and edges). PIXELS: its pixels, normalised by mean and std. CAMERA: how its pixels differ from
 * the camera's mean picture, and the encoder sees nothing but that difference: light, shadows, and what moves. */
typedef enum { GH_MAE_TARGET_AUTO = -1,         /* options only: what the configuration says */
  GH_MAE_TARGET_PATCH, GH_MAE_TARGET_PIXELS, GH_MAE_TARGET_CAMERA } GhMaeTarget;

typedef struct {
  /* Input: height x width pixels in patch x patch squares; the last row and column may be padded. */
  int height, width, patch;
  float mean[3], std[3];        /* of RGB in 0..1 */
  /* Encoder. Exact attention when tokens <= landmarks or landmarks is 0, Nystrom above. conv: taps, 0 for none. */
  int dim, depth, heads, head_dim, mlp;
  int landmarks, pinv_iters, conv;
  gboolean qkv_bias, cls_token;
  float eps;
  GhPool pool;
  int pool_rows, pool_cols;     /* 0: over all tokens; else over each region of such a grid (gh-regions.h) */
  int surprise;                 /* components of the light whose rest the embedding tells as well (gh-surprise.h); 0: not */
  int shadows;                  /* numbers of how the light falls, which the embedding tells as well (gh-shadows.h); 0: not */
  int embedding;                /* width of the embedding; without an "embed" projection it equals the pooled width */
  gboolean has_embed;           /* pooled tokens go through a linear layer (Meta's files: no) */
  /* Decoder; dec_depth 0: the file has none. */
  int dec_dim, dec_depth, dec_heads, dec_head_dim, dec_mlp;
  double mask_ratio;
  GhMaeTarget target;
} GhMaeConfig;

/* Every field inside its range, and products bounded so that no buffer of one image passes 2^28 numbers (1 GiB).
 * `where` names the file in errors. */
gboolean gh_mae_config_check (const GhMaeConfig *config, const char *where, GError **error);
/* A JSON object of the fields above by name, pool as "mean", "mean+std" or "cls", target as
 * "patch", "pixels" or "camera". Required: height, width, patch, dim,
 * depth, heads, head_dim, mlp, embedding (unless has_embed is false), and dec_dim, dec_heads, dec_head_dim, dec_mlp
 * when dec_depth is given. Defaults: ImageNet's mean and std, landmarks 0, pinv_iters 6, conv 0, qkv_bias and cls_token
 * false, eps 1e-6, pool "mean", pool_rows, pool_cols, surprise and shadows 0, has_embed true, dec_depth 0, mask_ratio 0.7, target
 * "patch". Unknown and repeated keys are refused;
 * the result has passed gh_mae_config_check(). */
gboolean gh_mae_config_from_json (GhMaeConfig *config, const char *json, const char *where, GError **error);
char *gh_mae_config_to_json (const GhMaeConfig *config);
const char *gh_pool_name (GhPool pool);
const char *gh_mae_target_name (GhMaeTarget target);
/* FALSE when there is no such target. */
gboolean gh_mae_target_from_name (GhMaeTarget *target, const char *name);
/* A shipped configuration by name ("almacam", "almacam-1080p", "small", "tiny") or a path to a JSON file. Searched
 * in $GST_HEADS_MODEL_PATH, then the installed data folder. */
gboolean gh_mae_config_load (GhMaeConfig *config, const char *name, GError **error);
/* The path of a model file or configuration: name itself when it is one, else NAME, NAME.safetensors or NAME.json in
 * the first folder of the search path that has one; NULL when there is none. The caller frees it. */
char *gh_model_find (const char *name);
/* The folders gh_model_find() looks into, for messages: "/a:/b". The caller frees it. */
char *gh_model_search_path (void);

int gh_mae_config_grid_rows (const GhMaeConfig *config);
int gh_mae_config_grid_cols (const GhMaeConfig *config);
int gh_mae_config_tokens (const GhMaeConfig *config);        /* patches, cls not counted */
int gh_mae_config_patch_values (const GhMaeConfig *config);  /* patch * patch * 3 */

/* Numbers of a pooled image: dim, or twice that for mean+std, for each region. */
int gh_mae_config_pooled (const GhMaeConfig *config);
/* K = n - floor(n*ratio + 0.5) tokens stay visible, at least one. */
int gh_mae_config_kept (const GhMaeConfig *config, double mask_ratio);
/* From noise[n]: stable ascending order, the first K kept, both lists then sorted ascending. keep[K], drop[n-K]. */
void gh_mae_mask (const float *noise, int n, int K, gint32 *keep, gint32 *drop);
/* The fixed table pos[rows*cols, dim]: [sin(x w) cos(x w) sin(y w) cos(y w)], w_k = 10000^(-k/(dim/4)). */
void gh_mae_sincos (float *pos, int rows, int cols, int dim);

G_END_DECLS
