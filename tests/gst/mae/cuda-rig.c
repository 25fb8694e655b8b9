/* SPDX-License-Identifier: LGPL-2.1-or-later
 * cuda-rig.c: see cuda-rig.h. */
#include "cuda-rig.h"

#include <dlfcn.h>
#include <string.h>

/* CUDA_MEMCPY2D of cuda.h. */
typedef struct {
  gsize from_x, from_y;
  guint from_type;
  gconstpointer from_host;
  guintptr from_device;
  gpointer from_array;
  gsize from_pitch;
  gsize to_x, to_y;
  guint to_type;
  gpointer to_host;
  guintptr to_device;
  gpointer to_array;
  gsize to_pitch;
  gsize width, height;
} Copy2D;

enum { HOST = 1, DEVICE = 2 };
#define MAP_CUDA (GST_MAP_FLAG_LAST << 1)

#define FUNCTIONS(F) \
  F (gst_cuda_load_library, gboolean, (void)) \
  F (gst_cuda_memory_init_once, void, (void)) \
  F (gst_cuda_context_new, gpointer, (guint device)) \
  F (gst_cuda_context_get_type, GType, (void)) \
  F (gst_cuda_context_get_handle, gpointer, (gpointer context)) \
  F (gst_cuda_context_push, gboolean, (gpointer context)) \
  F (gst_cuda_context_pop, gboolean, (gpointer *handle)) \
  F (gst_cuda_buffer_pool_new, GstBufferPool *, (gpointer context)) \
  F (CuMemAllocHost, int, (gpointer *at, gsize bytes)) \
  F (CuStreamCreate, int, (gpointer *stream, guint flags)) \
  F (CuMemcpy2DAsync, int, (const Copy2D *copy, gpointer stream))

static struct {
#define MEMBER(name, type, arguments) type (*name) arguments;
  FUNCTIONS (MEMBER)
#undef MEMBER
} lib;

gboolean
cuda_rig_works (void)
{
  gpointer file = dlopen ("libgstcuda-1.0.so.0", RTLD_NOW | RTLD_LOCAL);
  gchar reason[256] = "";
  GhCtx *ctx = NULL;

  if (!file) {
    g_printerr ("skipped: %s\n", dlerror ());
    return FALSE;
  }
#define FIND(name, ...) \
  *(gpointer *) &lib.name = dlsym (file, #name); \
  g_assert (lib.name != NULL);
  FUNCTIONS (FIND)
#undef FIND
  if (!lib.gst_cuda_load_library ()) {
    g_printerr ("skipped: there is no driver of NVIDIA\n");
    return FALSE;
  }
  if (gh_ctx_new (&ctx, GH_DEVICE_CUDA, 0, reason, sizeof reason) != GH_OK) {
    g_printerr ("skipped: %s\n", reason);
    return FALSE;
  }
  gh_ctx_free (ctx);
  lib.gst_cuda_memory_init_once ();
  g_setenv ("CK_FORK", "no", TRUE);
  return TRUE;
}

gchar *
cuda_rig_caps (const gchar *format, gint width, gint height)
{
  return g_strdup_printf ("video/x-raw(memory:CUDAMemory),format=%s,width=%d,height=%d,framerate=25/1", format, width,
      height);
}

/* ---- contexts -------------------------------------------------------------------------------------- */

gpointer
cuda_rig_ask (GstElement *element)
{
  GstPad *pad = gst_element_get_static_pad (element, "sink");
  GstQuery *query = gst_query_new_context ("gst.cuda.context");
  GstContext *context = NULL;
  gpointer found = NULL;

  if (gst_pad_query (pad, query)) {
    gst_query_parse_context (query, &context);
    gst_structure_get (gst_context_get_structure (context), "gst.cuda.context", lib.gst_cuda_context_get_type (), &found,
        NULL);
  }
  gst_query_unref (query);
  gst_object_unref (pad);
  return found;
}

gpointer
cuda_rig_context_new (guint device)
{
  gpointer context = lib.gst_cuda_context_new (device);

  fail_unless (context != NULL);
  return context;
}

gpointer
cuda_rig_handle (gpointer context)
{
  return lib.gst_cuda_context_get_handle (context);
}

guint
cuda_rig_device (gpointer context)
{
  guint device;

  g_object_get (context, "cuda-device-id", &device, NULL);
  return device;
}

/* ---- frames ---------------------------------------------------------------------------------------- */

static GstBuffer *
new_frame (gpointer context, const GstVideoInfo *info, GstBuffer *like)
{
  GstBufferPool *pool = lib.gst_cuda_buffer_pool_new (context);
  GstStructure *config = gst_buffer_pool_get_config (pool);
  GstVideoInfo copy = *info;
  GstCaps *caps = gst_video_info_to_caps (&copy);
  GstBuffer *frame = NULL;

  gst_caps_set_features_simple (caps, gst_caps_features_new ("memory:CUDAMemory", NULL));
  gst_buffer_pool_config_set_params (config, caps, info->size, 1, 1);
  fail_unless (gst_buffer_pool_set_config (pool, config) && gst_buffer_pool_set_active (pool, TRUE));
  fail_unless_equals_int (gst_buffer_pool_acquire_buffer (pool, &frame, NULL), GST_FLOW_OK);
  gst_buffer_copy_into (frame, like, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  if (gst_buffer_get_video_crop_meta (like))
    *gst_buffer_add_video_crop_meta (frame) = *gst_buffer_get_video_crop_meta (like);
  gst_buffer_pool_set_active (pool, FALSE);     /* gone with the frame */
  gst_object_unref (pool);
  gst_caps_unref (caps);
  return frame;
}

GstBuffer *
cuda_rig_upload (gpointer context, const GstVideoInfo *info, GstBuffer *frame)
{
  GstBuffer *there = new_frame (context, info, frame);
  GstVideoFrame from, to;

  fail_unless (gst_video_frame_map (&from, info, frame, GST_MAP_READ));
  fail_unless (gst_video_frame_map (&to, info, there, GST_MAP_WRITE));
  fail_unless (gst_video_frame_copy (&to, &from));
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  return there;
}

GstBuffer *
cuda_rig_strip (GstBuffer *frame)
{
  GstBuffer *bare = gst_buffer_new ();

  gst_buffer_append_memory (bare, gst_memory_ref (gst_buffer_peek_memory (frame, 0)));
  gst_buffer_copy_into (bare, frame, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
  gst_buffer_unref (frame);
  fail_unless (gst_buffer_get_video_meta (bare) == NULL);
  return bare;
}

GstBuffer *
cuda_rig_upload_late (gpointer context, const GstVideoInfo *info, GstBuffer *frame)
{
  GstBuffer *there = new_frame (context, info, frame);
  gpointer pinned, stream;
  GstVideoFrame to;

  fail_unless (gst_video_frame_map (&to, info, there, GST_MAP_WRITE | MAP_CUDA));
  fail_unless (lib.gst_cuda_context_push (context));
  fail_unless_equals_int (lib.CuMemAllocHost (&pinned, info->size), 0);
  fail_unless_equals_int (lib.CuStreamCreate (&stream, 0), 0);
  fail_unless_equals_int (gst_buffer_extract (frame, 0, pinned, info->size), info->size);
  for (gint p = 0; p < 2; p++) {
    const Copy2D copy = {
      .from_type = HOST, .from_host = (guint8 *) pinned + info->offset[p], .from_pitch = info->stride[p],
      .to_type = DEVICE, .to_device = (guintptr) GST_VIDEO_FRAME_PLANE_DATA (&to, p),
      .to_pitch = GST_VIDEO_FRAME_PLANE_STRIDE (&to, p),
      .width = GST_ROUND_UP_2 (info->width), .height = GST_VIDEO_INFO_COMP_HEIGHT (info, p),
    };

    fail_unless_equals_int (lib.CuMemcpy2DAsync (&copy, stream), 0);
  }
  fail_unless (lib.gst_cuda_context_pop (NULL));
  gst_video_frame_unmap (&to);
  return there;
}

gint
cuda_rig_downloads (void)
{
  gpointer driver = dlopen ("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
  guint (*downloads) (void) = driver ? dlsym (driver, "gh_fake_driver_downloads") : NULL;
  gint n = downloads ? (gint) downloads () : -1;

  if (driver)
    dlclose (driver);
  return n;
}
