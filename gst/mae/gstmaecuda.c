/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstmaecuda.c: see the header. What is declared here of libgstcuda is its interface since 1.22. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstmaecuda.h"

#include <dlfcn.h>

#define MAP_CUDA (GST_MAP_FLAG_LAST << 1)

typedef struct _GstCudaContext GstCudaContext;

/* The public head of a GstCudaMemory. */
typedef struct
{
  GstMemory memory;
  GstCudaContext *context;
  GstVideoInfo info;            /* its strides and offsets are those of the device */
} CudaMemory;

#define FUNCTIONS(F) \
  F (gst_cuda_load_library, gboolean, (void)) \
  F (gst_cuda_memory_init_once, void, (void)) \
  F (gst_is_cuda_memory, gboolean, (GstMemory *)) \
  F (gst_cuda_context_new_wrapped, GstCudaContext *, (gpointer handle, gint device)) \
  F (gst_cuda_context_get_handle, gpointer, (GstCudaContext *)) \
  F (gst_context_new_cuda_context, GstContext *, (GstCudaContext *)) \
  F (gst_cuda_handle_context_query, gboolean, (GstElement *, GstQuery *, GstCudaContext *))

static struct
{
#define MEMBER(name, type, arguments) type (*name) arguments;
  FUNCTIONS (MEMBER)
#undef MEMBER
  void (*gst_cuda_memory_sync) (CudaMemory *);  /* since 1.24, else NULL */
} lib;

struct _GstMaeCuda
{
  gpointer handle;
  gint device;
  GstCudaContext *context;
};

/* ---- the library ----------------------------------------------------------------------------------- */

/* NULL when it is open, else why not. */
static gchar *
open_library (void)
{
  void *file = dlopen ("libgstcuda-1.0.so.0", RTLD_NOW | RTLD_LOCAL);

  if (!file)
    return g_strdup_printf ("libgstcuda-1.0 does not open (%s)", dlerror ());
#define FIND(name, ...) \
  *(void **) &lib.name = dlsym (file, #name); \
  if (!lib.name) \
    return g_strdup_printf ("libgstcuda-1.0 lacks %s: GStreamer 1.22 or newer is needed", #name);
  FUNCTIONS (FIND)
#undef FIND
  *(void **) &lib.gst_cuda_memory_sync = dlsym (file, "gst_cuda_memory_sync");
  if (!lib.gst_cuda_load_library ())
    return g_strdup ("libgstcuda-1.0 finds no driver of NVIDIA");
  lib.gst_cuda_memory_init_once ();
  return NULL;
}

/* Once per process; it stays open. */
static const gchar *
library_refusal (void)
{
  static gsize once;
  static gchar *refusal;

  if (g_once_init_enter (&once)) {
    refusal = open_library ();
    g_once_init_leave (&once, 1);
  }
  return refusal;
}

/* What the encoder's memory lies in. NULL, and why, on the processor. */
static gpointer
find_handle (GhDevice device, gint *number, gchar **why)
{
  gchar reason[256] = "";
  gpointer handle = NULL;
  GhCtx *ctx = NULL;

  if (gh_ctx_new (&ctx, device, 0, reason, sizeof reason) != GH_OK)
    *why = g_strdup (reason);
  else if (gh_device_handle (ctx, &handle, number) != GH_OK)
    *why = g_strdup (gh_last_error (ctx));
  gh_ctx_free (ctx);
  return handle;
}

GstMaeCuda *
gst_mae_cuda_new (GhDevice device, gchar **why)
{
  gint number = -1;
  gpointer handle = find_handle (device, &number, why);
  const gchar *refusal = handle ? library_refusal () : NULL;
  GstCudaContext *context = handle && !refusal ? lib.gst_cuda_context_new_wrapped (handle, number) : NULL;
  GstMaeCuda *cuda;

  if (!handle)
    return NULL;
  if (!context) {
    *why = g_strdup (refusal ? refusal : "libgstcuda-1.0 does not take the encoder's context");
    return NULL;
  }
  cuda = g_atomic_rc_box_new (GstMaeCuda);
  *cuda = (GstMaeCuda) { handle, number, context };
  return cuda;
}

GstMaeCuda *
gst_mae_cuda_ref (GstMaeCuda *cuda)
{
  return g_atomic_rc_box_acquire (cuda);
}

static void
cuda_clear (GstMaeCuda *cuda)
{
  gst_object_unref (cuda->context);
}

void
gst_mae_cuda_unref (GstMaeCuda *cuda)
{
  g_atomic_rc_box_release_full (cuda, (GDestroyNotify) cuda_clear);
}

GstContext *
gst_mae_cuda_context (GstMaeCuda *cuda)
{
  return lib.gst_context_new_cuda_context (cuda->context);
}

gboolean
gst_mae_cuda_answer (GstMaeCuda *cuda, GstElement *element, GstQuery *query)
{
  return lib.gst_cuda_handle_context_query (element, query, cuda->context);
}

/* ---- frames ---------------------------------------------------------------------------------------- */

gboolean
gst_mae_cuda_is_on_device (const GstMaeCuda *cuda, GstBuffer *frame)
{
  return cuda && gst_buffer_n_memory (frame) > 0 && lib.gst_is_cuda_memory (gst_buffer_peek_memory (frame, 0));
}

static gboolean
holds (const GstVideoInfo *info, GstVideoFormat format, guint width, guint height)
{
  return format == GST_VIDEO_INFO_FORMAT (info) && (gint) width >= GST_VIDEO_INFO_WIDTH (info)
      && (gint) height >= GST_VIDEO_INFO_HEIGHT (info);
}

gboolean
gst_mae_cuda_take_strides (GstBuffer *frame, GstVideoInfo *info)
{
  const GstVideoInfo *own = &((CudaMemory *) gst_buffer_peek_memory (frame, 0))->info;
  const GstVideoMeta *meta = gst_buffer_get_video_meta (frame);

  if (meta)
    return holds (info, meta->format, meta->width, meta->height);
  if (!holds (info, GST_VIDEO_INFO_FORMAT (own), GST_VIDEO_INFO_WIDTH (own), GST_VIDEO_INFO_HEIGHT (own)))
    return FALSE;
  for (guint p = 0; p < GST_VIDEO_INFO_N_PLANES (info); p++) {
    GST_VIDEO_INFO_PLANE_OFFSET (info, p) = GST_VIDEO_INFO_PLANE_OFFSET (own, p);
    GST_VIDEO_INFO_PLANE_STRIDE (info, p) = GST_VIDEO_INFO_PLANE_STRIDE (own, p);
  }
  GST_VIDEO_INFO_SIZE (info) = GST_VIDEO_INFO_SIZE (own);
  return TRUE;
}

static const gchar *
other_context (const GstMaeCuda *cuda, CudaMemory *memory)
{
  guint device = 0;

  g_object_get (memory->context, "cuda-device-id", &device, NULL);
  return (gint) device != cuda->device ? "they are in the memory of another device than the encoder's"
      : "the element that makes them uses a CUDA context of its own";
}

/* FALSE when the planes reach beyond the memory. */
static gboolean
find_planes (const GhFrameLayout *layout, const GstVideoInfo *info, GstBuffer *buffer, GstMaeCudaFrame *frame)
{
  const GstVideoMeta *meta = gst_buffer_get_video_meta (buffer);
  gboolean fits = TRUE;

  for (gint c = 0; fits && c < 3; c++) {
    const gint plane = layout->channel[c].plane;
    const gsize offset = meta ? meta->offset[plane] : GST_VIDEO_INFO_PLANE_OFFSET (info, plane);
    const gint stride = meta ? meta->stride[plane] : GST_VIDEO_INFO_PLANE_STRIDE (info, plane);
    const gint row = GST_VIDEO_INFO_COMP_WIDTH (info, c) * layout->channel[c].step;

    frame->planes[plane] = frame->map.data + offset;
    frame->strides[plane] = stride;
    fits = stride >= row && offset <= frame->map.size
        && (gsize) stride * (GST_VIDEO_INFO_COMP_HEIGHT (info, c) - 1) + row <= frame->map.size - offset;
  }
  return fits;
}

gboolean
gst_mae_cuda_map (GstMaeCuda *cuda, const GhFrameLayout *layout, const GstVideoInfo *info, GstBuffer *buffer,
    GstMaeCudaFrame *frame, const gchar **why)
{
  GstMemory *memory = gst_buffer_peek_memory (buffer, 0);

  frame->memory = NULL;
  if (lib.gst_cuda_context_get_handle (((CudaMemory *) memory)->context) != cuda->handle) {
    *why = other_context (cuda, (CudaMemory *) memory);
    return FALSE;
  }
  if (gst_buffer_n_memory (buffer) != 1 || !gst_memory_map (memory, &frame->map, GST_MAP_READ | MAP_CUDA)) {
    *why = "their memory cannot be mapped on the device";
    return FALSE;
  }
  frame->memory = gst_memory_ref (memory);
  if (!find_planes (layout, info, buffer, frame)) {
    gst_mae_cuda_unmap (frame);
    *why = "they do not lie in their memory as their caps promise";
    return FALSE;
  }
  if (lib.gst_cuda_memory_sync)
    lib.gst_cuda_memory_sync ((CudaMemory *) memory);
  return TRUE;
}

void
gst_mae_cuda_unmap (GstMaeCudaFrame *frame)
{
  if (!frame->memory)
    return;
  gst_memory_unmap (frame->memory, &frame->map);
  gst_memory_unref (frame->memory);
  frame->memory = NULL;
}
