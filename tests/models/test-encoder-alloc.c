/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * test-encoder-alloc.c: after the first call nothing is allocated: every malloc of the process is counted while a
 * session encodes and decodes, in each precision, with exact and with Nystrom attention. Needs glibc without a
 * sanitizer, as both replace malloc; skipped (77) elsewhere.
 */
#include "model-file.h"
#include "temp-folder.h"

#include <stdatomic.h>
#include <stdio.h>
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

static void
run (GhEncoderSession *session, const guint8 *rgb, const GhMaeConfig *c, float *latent, float *pred)
{
  gint32 keep[8], drop[64];
  const int N = gh_mae_config_tokens (c);
  float embedding[64];

  for (int i = 0; i < 8; i++)
    keep[i] = i;
  for (int i = 8; i < N; i++)
    drop[i - 8] = i;
  if (!gh_encoder_encode (session, rgb, c->width * 3, 1, embedding, latent, NULL)
      || !gh_encoder_forward (session, pred, keep, 1, 8, latent, embedding, NULL)
      || !gh_encoder_decode (session, latent, keep, drop, 1, 8, pred, NULL))
    abort ();
}

static void
check (const char *path, const GhMaeConfig *c, GhDevice device, GhPrecision precision)
{
  const gsize values = (gsize) gh_mae_config_tokens (c) * gh_mae_config_patch_values (c);
  g_autoptr (GError) error = NULL;
  g_autoptr (GhEncoder) encoder = gh_encoder_load (path, device, precision, 2, &error);
  g_autoptr (GhEncoderSession) session = NULL;
  g_autofree guint8 *rgb = g_new0 (guint8, c->width * c->height * 3);
  g_autofree float *latent = g_new0 (float, gh_mae_config_tokens (c) * c->dim), *pred = g_new0 (float, values);
  int before;

  g_assert_no_error (error);
  session = gh_encoder_session_new (encoder, 1, &error);
  g_assert_no_error (error);
  run (session, rgb, c, latent, pred);
  before = atomic_load (&mallocs);
  for (int i = 0; i < 10; i++)
    run (session, rgb, c, latent, pred);
  g_assert_cmpint (atomic_load (&mallocs) - before, ==, 0);
}

static void
test_cpu (void)
{
  g_autofree char *folder = temp_folder_new (), *path = g_build_filename (folder, "m.safetensors", NULL);
  GhMaeConfig c = test_config ();

  for (int i = 0; i < 2; i++) {
    c.landmarks = i == 0 ? 16 : 0;
    test_make_model (path, &c, 1);
    for (GhPrecision p = GH_PRECISION_F32; p <= GH_PRECISION_INT8; p++)
      check (path, &c, GH_DEVICE_CPU, p);
  }
  temp_folder_remove (folder);
}

#endif

int
main (int argc, char **argv)
{
#ifdef COUNT_MALLOCS
  /* oneDNN, which some processors take for bfloat16, allocates for each product. */
  g_setenv ("GST_HEADS_LINEAR", "own", TRUE);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/alloc/cpu", test_cpu);
  return g_test_run ();
#else
  printf ("skipped: mallocs cannot be counted with this C library or sanitizer\n");
  return 77;
#endif
}
