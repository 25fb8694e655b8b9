/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * doctor.c: gst-heads doctor: one line for everything a pipeline may need, with the remedy where something is missing.
 * Exit status 1 when something without which nothing runs is missing.
 */
#include "packages.h"
#include "tools.h"
#include "config.h"
#include "kernels/gh-kernels.h"
#include "models/gh-mae-config.h"
#include "models/gh-safetensors.h"

#include <dlfcn.h>
#include <gst/gst.h>
#include <stdio.h>
#include <unistd.h>

typedef struct {
  const char *element, *purpose;
  gboolean needed;
} Part;

static const Part parts[] = {
  { "mae-encoder", "turns frames into embeddings", TRUE },
  { "mae-trainer", "makes encoders of frames", TRUE },
  { "mae-decoder", "shows what an encoder knows", TRUE },
  { "head-trainer", "makes heads of embeddings and labels", TRUE },
  { "head-predict", "turns embeddings into answers", TRUE },
  { "head-overlay", "draws the answers on the picture", TRUE },
  { "live-src", "live cameras for weeks: live pages, HLS, RTSP", FALSE },
  { "dataset-sink", "frames kept as training data", FALSE },
  { "dataset-src", "and replayed", FALSE },
  { "scale-uploader", "frames to Scale AI for labeling", FALSE },
  { "plaza-test-src", "a camera that needs no camera", TRUE },
  { "videoconvert", "formats of raw video", TRUE },
  { "videorate", "frames per second", TRUE },
  { "decodebin", "files of any kind", TRUE },
  { "tcpserversink", "embeddings over a network", FALSE },
  { "gdppay", "embeddings over a network", FALSE },
  { "jpegenc", "pictures as JPEG", FALSE },
  { "pngenc", "pictures as PNG", FALSE },
  { "multifilesink", "pictures as files", FALSE },
  { "qtdemux", "MP4 files", FALSE },
  { "matroskamux", "Matroska files", FALSE },
  { "h264parse", "H.264 video", FALSE },
  { "avdec_h264", "H.264 video, decoding", FALSE },
  { "x264enc", "H.264 video, encoding", FALSE },
  { "souphttpsrc", "video over HTTP", FALSE },
  { "rtspsrc", "network cameras", FALSE },
  { "autovideosink", "the sink that this machine has", FALSE },
};

static int missing;             /* things without which nothing runs */

static void G_GNUC_PRINTF (3, 4)
say (const char *mark, const char *what, const char *format, ...)
{
  va_list args;
  printf ("  %-8s%-16s ", mark, what);
  va_start (args, format);
  vprintf (format, args);
  va_end (args);
  printf ("\n");
}

static void
print_versions (void)
{
  g_autofree char *gst = gst_version_string ();
  printf ("gst-heads %s, %s, GLib %u.%u.%u\n", PACKAGE_VERSION, gst, glib_major_version, glib_minor_version,
      glib_micro_version);
}

/* "f32 (avx2), bf16* (avx512-bf16)": the precisions a context multiplies in, the automatic one marked. */
static char *
precisions (GhCtx *ctx)
{
  GString *text = g_string_new (NULL);
  for (int dtype = 0; dtype < GH_N_DTYPES; dtype++) {
    const char *engine = NULL;
    if (!gh_supports (ctx, dtype, NULL, &engine))
      continue;
    g_string_append_printf (text, "%s%s%s", text->len ? ", " : "", gh_dtype_name (dtype),
        (int) gh_best_dtype (ctx) == dtype ? "*" : "");
    if (engine)
      g_string_append_printf (text, " (%s)", engine);
  }
  return g_string_free (text, FALSE);
}

static void
check_device (GhDevice device)
{
  GhCtx *ctx = NULL;
  char reason[256] = "";
  if (gh_ctx_new (&ctx, device, 0, reason, sizeof reason) != GH_OK) {
    gboolean needed = device != GH_DEVICE_CUDA;
    say (needed ? "MISSING" : "-", gh_device_name (device), "%s", reason);
    missing += needed;
    return;
  }
  {
    g_autofree char *types = precisions (ctx);
    int threads = gh_ctx_threads (ctx);
    say ("ok", gh_device_name (device), "%d thread%s; %s", threads, threads == 1 ? "" : "s", types);
  }
  gh_ctx_free (ctx);
}

/* What mae-encoder opens, too; not needed without a GPU. It stays open: it is not made to be closed. */
static void
check_cuda_frames (void)
{
  static const char name[] = "libgstcuda-1.0.so.0";

  if (dlopen (name, RTLD_NOW | RTLD_LOCAL))
    say ("ok", "cuda frames", "%s opens: frames in a GPU's memory (as of nvh264dec) can stay there", name);
  else
    say ("-", "cuda frames", "frames in a GPU's memory (as of nvh264dec) are copied to the processor: %s (Debian's "
        "libgstreamer-plugins-bad1.0-0 has it)", dlerror ());
}

static void
check_devices (void)
{
  GhCtx *ctx = NULL;
  char reason[256] = "";
  printf ("\nDevices (* is what precision=auto means)\n");
  check_device (GH_DEVICE_REF);
  check_device (GH_DEVICE_CPU);
  check_device (GH_DEVICE_CUDA);
  check_cuda_frames ();
  if (gh_ctx_new (&ctx, GH_DEVICE_AUTO, 0, reason, sizeof reason) == GH_OK) {
    say ("ok", "auto", "%s", reason);
    gh_ctx_free (ctx);
  } else {
    say ("MISSING", "auto", "%s", reason);
    missing++;
  }
}

static void
check_part (const Part *part)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (part->element);
  g_autoptr (GstPluginFeature) loaded = NULL;
  g_autofree char *remedy = NULL;
  if (factory)
    loaded = gst_plugin_feature_load (GST_PLUGIN_FEATURE (factory));
  if (loaded) {
    say ("ok", part->element, "%s (%s)", part->purpose, gst_plugin_feature_get_plugin_name (loaded));
    return;
  }
  remedy = gh_element_remedy (part->element);
  if (factory)
    say (part->needed ? "MISSING" : "-", part->element, "%s: its plugin does not load, GST_DEBUG=GST_PLUGIN_LOADING:4 "
        "says why", part->purpose);
  else
    say (part->needed ? "MISSING" : "-", part->element, "%s: %s", part->purpose, remedy);
  missing += part->needed;
}

static char *
registry_file (void)
{
  static const char *const variables[] = { "GST_REGISTRY_1_0", "GST_REGISTRY" };

  for (guint i = 0; i < G_N_ELEMENTS (variables); i++)
    if (g_getenv (variables[i]))
      return g_strdup (g_getenv (variables[i]));
  return g_build_filename (g_get_user_cache_dir (), "gstreamer-1.0", "registry.*.bin", NULL);
}

/* What did not load once is not tried again while its file stays the same, also when what was missing has come. */
static void
check_refused (void)
{
  GList *plugins = gst_registry_get_plugin_list (gst_registry_get ());
  g_autofree char *registry = registry_file ();

  for (GList *at = plugins; at; at = at->next) {
    GstPlugin *plugin = at->data;
    const char *file = gst_plugin_get_filename (plugin);

    if (!GST_OBJECT_FLAG_IS_SET (plugin, GST_PLUGIN_FLAG_BLACKLISTED) || !file)
      continue;
    if (dlopen (file, RTLD_LAZY | RTLD_LOCAL))
      say ("-", "plugin", "%s did not load when GStreamer first looked, and now would: remove %s, so that it looks anew", file,
          registry);
    else
      say ("-", "plugin", "%s does not load: %s. Have the loader find what is missing (ldconfig, LD_LIBRARY_PATH), then remove "
          "%s, so that GStreamer looks anew", file, dlerror (), registry);
  }
  gst_plugin_list_free (plugins);
}

/* autovideosink is there without any sink that opens a window, and says only when it plays that it has none. */
static void
check_window (void)
{
  static const char *const sinks[] = { "waylandsink", "glimagesink", "xvimagesink", "ximagesink" };
  g_autofree char *remedy = NULL;

  for (guint i = g_getenv ("WAYLAND_DISPLAY") ? 0 : 1; i < G_N_ELEMENTS (sinks); i++) {
    g_autoptr (GstElementFactory) factory = gst_element_factory_find (sinks[i]);

    if (factory) {
      say (gh_has_screen () ? "ok" : "-", "a window", "%s%s", sinks[i], gh_has_screen () ? "" : ", but no screen: neither "
          "DISPLAY nor WAYLAND_DISPLAY names one; end in a file or fakesink instead of autovideosink");
      return;
    }
  }
  remedy = gh_element_remedy ("ximagesink");
  say ("-", "a window", "autovideosink finds nothing that opens one: %s", remedy);
}

/* live-src takes yt-dlp by itself and others where its property says so; of its age only a stream tells. */
static void
check_resolver (void)
{
  g_autofree char *yt_dlp = g_find_program_in_path ("yt-dlp"), *streamlink = g_find_program_in_path ("streamlink");

  if (yt_dlp)
    say ("ok", "yt-dlp", "pages of live videos (%s; sites change, so keep it recent)", yt_dlp);
  else if (streamlink)
    say ("-", "yt-dlp", "pages of live videos: give live-src resolver='streamlink --json {uri}' (RESOLVER=... of a pipeline file), "
        "or install a recent one from https://github.com/yt-dlp/yt-dlp");
  else
    say ("-", "yt-dlp", "pages of live videos: install a recent one from https://github.com/yt-dlp/yt-dlp; .m3u8, RTSP and "
        "files need none");
}

static void
check_default_model (void)
{
  g_autofree char *path = gh_model_find ("default"), *folders = gh_model_search_path ();
  g_autoptr (GhSafetensors) st = NULL;
  g_autoptr (GError) error = NULL;
  const char *id = NULL, *trained;
  printf ("\nModels (looked for in %s)\n", folders);
  if (path)
    st = gh_safetensors_open (path, &error);
  if (st)
    id = gh_safetensors_id (st, &error);
  if (!path) {
    say ("MISSING", "default", "no default encoder is installed: give mae-encoder a model, or make one with \""
        "gst-heads init-encoder\" and set GST_HEADS_MODEL_PATH to its folder");
    missing++;
  } else if (!id) {
    say ("MISSING", "default", "%s", error->message);
    missing++;
  } else {
    trained = gh_safetensors_metadata (st, "trained");
    say ("ok", "default", "%s, model-id %s%s", path, id, g_strcmp0 (trained, "false") == 0 ? ", never trained" : "");
  }
}

int
gh_tool_doctor (int argc, char **argv)
{
  const GOptionEntry entries[] = { G_OPTION_ENTRY_NULL };
  int status = gh_tool_parse (&argc, &argv, entries, NULL,
      "Checks devices, plugins and models, one line each, with the remedy where something is missing. Lines with -\n"
      "are optional. Exit status 1 when something is missing without which nothing runs.");
  if (status >= 0)
    return status;
  if (argc > 1)
    return gh_tool_fail (GH_EXIT_USAGE, "it takes no arguments");
  if (!gh_tool_init_gst ())
    return GH_EXIT_FAILED;
  print_versions ();
  check_devices ();
  printf ("\nPlugins\n");
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    check_part (&parts[i]);
  check_refused ();
  check_resolver ();
  check_window ();
  check_default_model ();
  printf ("\n%s\n", missing ? "Something needed is missing: see the lines marked MISSING."
      : "Everything needed is here.");
  return missing ? GH_EXIT_USAGE : GH_EXIT_OK;
}
