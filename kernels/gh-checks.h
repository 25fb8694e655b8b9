/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gh-checks.h (private): how the public operations check their arguments (gh-kernels.c, gh-fused.c). */
#pragma once

#include "gh-backend.h"

/* The three things every wrapper says. */
#define NEED(entry) \
  do { \
    if (!ctx) \
      return GH_INVAL; \
    if (!ctx->backend->entry) \
      return gh_fail (ctx, GH_UNSUPPORTED, "the %s back end lacks %s", ctx->backend->name, #entry); \
  } while (0)
#define CHECK(condition) \
  do { \
    if (!(condition)) \
      return gh_fail (ctx, GH_INVAL, "%s: must hold: %s", __func__, #condition); \
  } while (0)
#define DONE_IF(nothing_to_do) \
  do { \
    if (nothing_to_do) \
      return GH_OK; \
  } while (0)

/* Indices into a tensor of `limit` rows. Those on a device cannot be read from here: they are trusted. */
static inline bool
gh_indices_ok (const GhCtx *ctx, const int32_t *index, size_t count, int limit)
{
  if (!index || ctx->device == GH_DEVICE_CUDA)
    return true;
  for (size_t i = 0; i < count; i++) {
    if (index[i] < 0 || index[i] >= limit)
      return false;
  }
  return true;
}

static inline bool
gh_is_flag (int value)
{
  return value == 0 || value == 1;
}
