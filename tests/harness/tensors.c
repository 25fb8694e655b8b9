/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * tensors.c: test data between guards. In the context's memory a block is guard, data, guard; the data starts at an
 * odd place on back ends that share host memory, because callers may hand in any float pointer there (measurements use
 * what gh_alloc() gives).
 */
#include "harness-private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 4096, GUARD_BYTE = 0xa5 };
static const uint32_t unwritten = 0x7fc5eed5;   /* a NaN nobody computes */

static void *
allocate (size_t bytes)
{
  void *p = calloc (1, bytes ? bytes : 1);
  if (!p) {
    fprintf (stderr, "not enough memory for the test\n");
    exit (1);
  }
  return p;
}

static size_t
choose_lead (Hn *hn)
{
  bool host_memory = gh_ctx_device (hn->ctx) != GH_DEVICE_CUDA;
  return GUARD + (host_memory && !hn->bench ? 4 * (size_t) hn_random_int (hn, 0, 15) : 0);
}

static void
upload (Hn *hn, HnBlock *block)
{
  size_t total = block->lead + block->bytes + GUARD;
  unsigned char *image = allocate (total);
  void *base;

  memset (image, GUARD_BYTE, total);
  memcpy (image + block->lead, block->host, block->bytes);
  if (gh_alloc (hn->ctx, &base, total) != GH_OK || gh_upload (hn->ctx, base, image, total) != GH_OK
      || gh_sync (hn->ctx) != GH_OK) {
    fprintf (stderr, "test data did not reach the device: %s\n", gh_last_error (hn->ctx));
    exit (1);
  }
  block->base = base;
  free (image);
}

static HnBlock *
new_block (Hn *hn, HnKind kind, size_t bytes)
{
  if (hn->n_blocks == HN_MAX_TENSORS) {
    fprintf (stderr, "a case makes too many tensors without hn_reset()\n");
    exit (1);
  }
  HnBlock *block = &hn->blocks[hn->n_blocks++];
  memset (block, 0, sizeof *block);
  block->kind = kind;
  block->bytes = bytes;
  block->lead = kind == HN_KIND_HOST ? 0 : choose_lead (hn);
  block->host = allocate (bytes);
  return block;
}

static void
publish (Hn *hn, HnBlock *block)
{
  if (block->kind == HN_KIND_IN) {
    block->original = allocate (block->bytes);
    memcpy (block->original, block->host, block->bytes);
  }
  upload (hn, block);
}

static HnTensor
tensor_of (HnBlock *block)
{
  return (HnTensor) {
    .p = (float *) (block->base + block->lead), .host = (float *) block->host, .n = block->bytes / sizeof (float) };
}

static void
fill_floats (Hn *hn, float *p, size_t n, HnFill fill)
{
  for (size_t i = 0; i < n; i++) {
    double x = fill == HN_ZERO ? 0 : hn_random_normal (hn);
    p[i] = (float) (fill == HN_LARGE ? x * 1e4 : fill == HN_TINY ? x * 1e-20 : fill == HN_SKEWED ? 0.1 * x + 3 : x);
  }
}

HnTensor
hn_in (Hn *hn, size_t n, HnFill fill)
{
  HnBlock *block = new_block (hn, HN_KIND_IN, n * sizeof (float));
  fill_floats (hn, (float *) block->host, n, fill);
  publish (hn, block);
  return tensor_of (block);
}

HnTensor
hn_in_data (Hn *hn, size_t n, const float *data)
{
  HnBlock *block = new_block (hn, HN_KIND_IN, n * sizeof (float));
  memcpy (block->host, data, n * sizeof (float));
  publish (hn, block);
  return tensor_of (block);
}

double
hn_held (double x, GhDtype dtype)
{
  int exponent;
  double mantissa = frexp (x, &exponent);

  return dtype == GH_DTYPE_BF16 ? ldexp (nearbyint (ldexp (mantissa, 8)), exponent - 8) : x;
}

HnTensor
hn_in_bf16 (Hn *hn, size_t n, double mean, double deviation)
{
  HnBlock *block = new_block (hn, HN_KIND_IN, n * sizeof (float));
  float *data = (float *) block->host;

  for (size_t i = 0; i < n; i++)
    data[i] = (float) hn_held (deviation * hn_random_normal (hn) + mean, GH_DTYPE_BF16);
  publish (hn, block);
  return tensor_of (block);
}

HnTensor
hn_out (Hn *hn, size_t n)
{
  HnBlock *block = new_block (hn, HN_KIND_OUT, n * sizeof (float));
  for (size_t i = 0; i < n; i++)
    memcpy (block->host + i * sizeof unwritten, &unwritten, sizeof unwritten);
  publish (hn, block);
  return tensor_of (block);
}

HnTensor
hn_inout (Hn *hn, size_t n, HnFill fill)
{
  HnBlock *block = new_block (hn, HN_KIND_INOUT, n * sizeof (float));
  fill_floats (hn, (float *) block->host, n, fill);
  publish (hn, block);
  return tensor_of (block);
}

/* Ascending without repetition: each place is taken with probability (still wanted) / (still left). */
const int32_t *
hn_indices (Hn *hn, const int32_t **host, int B, int K, int limit)
{
  HnBlock *block = new_block (hn, HN_KIND_IN, (size_t) B * K * sizeof (int32_t));
  int32_t *p = (int32_t *) block->host;

  for (int b = 0; b < B; b++) {
    int taken = 0;
    for (int i = 0; i < limit && taken < K; i++) {
      if (hn_random_int (hn, 1, limit - i) <= K - taken)
        p[(size_t) b * K + taken++] = i;
    }
  }
  publish (hn, block);
  *host = p;
  return (const int32_t *) (block->base + block->lead);
}

uint8_t *
hn_bytes (Hn *hn, const uint8_t **host, size_t n)
{
  HnBlock *block = new_block (hn, HN_KIND_IN, n);
  for (size_t i = 0; i < n; i++)
    block->host[i] = (uint8_t) (hn_random (hn) >> 40);
  publish (hn, block);
  *host = block->host;
  return block->base + block->lead;
}

const void *
hn_bytes_data (Hn *hn, size_t n, const void *data)
{
  HnBlock *block = new_block (hn, HN_KIND_IN, n);
  memcpy (block->host, data, n);
  publish (hn, block);
  return block->base + block->lead;
}

double *
hn_doubles (Hn *hn, size_t n)
{
  return (double *) new_block (hn, HN_KIND_HOST, n * sizeof (double))->host;
}

void
hn_fetch (Hn *hn, HnTensor *tensor)
{
  if (gh_sync (hn->ctx) != GH_OK
      || gh_download (hn->ctx, tensor->host, tensor->p, tensor->n * sizeof (float)) != GH_OK
      || gh_sync (hn->ctx) != GH_OK)
    hn_fail (hn, "the result did not come back: %s", gh_last_error (hn->ctx));
}

static bool
guards_intact (const unsigned char *image, const HnBlock *block)
{
  for (size_t i = 0; i < block->lead; i++) {
    if (image[i] != GUARD_BYTE)
      return false;
  }
  for (size_t i = 0; i < GUARD; i++) {
    if (image[block->lead + block->bytes + i] != GUARD_BYTE)
      return false;
  }
  return true;
}

static void
inspect (Hn *hn, HnBlock *block, int number)
{
  size_t total = block->lead + block->bytes + GUARD;
  unsigned char *image = allocate (total);

  if (gh_download (hn->ctx, image, block->base, total) != GH_OK || gh_sync (hn->ctx) != GH_OK)
    hn_fail (hn, "tensor %d did not come back: %s", number, gh_last_error (hn->ctx));
  else if (!guards_intact (image, block))
    hn_fail (hn, "memory around tensor %d of %zu bytes was written", number, block->bytes);
  else if (block->original && memcmp (image + block->lead, block->original, block->bytes) != 0)
    hn_fail (hn, "input tensor %d was changed", number);
  free (image);
}

void
hn_reset (Hn *hn)
{
  for (int i = 0; i < hn->n_blocks; i++) {
    HnBlock *block = &hn->blocks[i];
    if (block->base) {
      inspect (hn, block, i);
      gh_free (hn->ctx, block->base);
    }
    free (block->host);
    free (block->original);
  }
  hn->n_blocks = 0;
}
