/* SPDX-License-Identifier: LGPL-2.1-or-later
 * packages.c: the elements that pipelines around gst-heads use, by Debian package. */
#include "packages.h"

#include <string.h>

/* A word ending in * stands for every element that begins so. */
static const struct {
  const char *package, *elements;
} table[] = {
  { "libgstreamer1.0-0",
    "capsfilter clocksync concat dataurisrc downloadbuffer fakesink fakesrc fdsink fdsrc filesink filesrc funnel "
    "identity input-selector multiqueue output-selector queue queue2 streamiddemux tee typefind valve" },
  { "gstreamer1.0-plugins-base",
    "adder appsink appsrc audioconvert audiomixer audiorate audioresample audiotestsrc compositor decodebin decodebin3 "
    "encodebin giosink giosrc multifdsink multisocketsink oggdemux oggmux opusdec opusenc overlaycomposition parsebin "
    "playbin playbin3 playsink rawvideoparse socketsrc tcpclientsink tcpclientsrc tcpserversink tcpserversrc theoradec "
    "theoraenc uridecodebin uridecodebin3 urisourcebin videoconvert videoconvertscale videorate videoscale "
    "videotestsrc volume vorbisdec vorbisenc" },
  { "gstreamer1.0-plugins-good",
    "aspectratiocrop autoaudiosink autovideosink autovideosrc avidemux avimux cairooverlay cutter deinterlace flvdemux "
    "flvmux gdkpixbufdec gdkpixbufoverlay hlsdemux2 imagefreeze imagesequencesrc jpegdec jpegenc level matroskademux "
    "matroskamux mp4mux multifilesink multifilesrc multipartdemux multipartmux multiudpsink navseek pngdec pngenc "
    "progressreport pulsesink pulsesrc qtdemux qtmux rtpbin rtph264depay rtph264pay rtpjitterbuffer rtpjpegdepay "
    "rtpjpegpay rtspsrc souphttpclientsink souphttpsrc splitfilesrc splitmuxsink splitmuxsrc udpsink udpsrc "
    "v4l2sink v4l2src videobalance videobox videocrop videoflip videomixer vp8dec vp8enc vp9dec vp9enc webmmux "
    "ximagesrc y4menc" },
  { "gstreamer1.0-plugins-bad",
    "av1dec av1enc av1parse compare curlhttpsrc dashdemux fakevideosink fpsdisplaysink gdpdepay gdppay h264parse "
    "h265parse hlsdemux hlssink hlssink2 interlace intervideosink intervideosrc jpegparse kmssink mpegtsmux "
    "mpegvideoparse netsim nvh264dec nvh264enc nvh265dec openh264dec openh264enc pngparse proxysink proxysrc "
    "rtmp2src rtmpsrc shmsink shmsrc srtsink srtsrc testsrcbin tsdemux videoparse watchdog waylandsink webpdec "
    "webpenc webrtcbin y4mdec zbar" },
  { "gstreamer1.0-plugins-ugly", "asfdemux mpeg2dec x264enc" },
  { "gstreamer1.0-libav", "avdec_* avdemux_* avenc_* avmux_*" },
  { "gstreamer1.0-x", "clockoverlay textoverlay textrender timeoverlay ximagesink xvimagesink" },
  { "gstreamer1.0-gl", "gldownload glimagesink glupload glvideomixer" },
  { "gstreamer1.0-gtk3", "gtkglsink gtksink" },
  { "gstreamer1.0-qt5", "qmlglsink" },
  { "gstreamer1.0-vaapi", "vaapi*" },
  { "gstreamer1.0-alsa", "alsasink alsasrc" },
  { "gstreamer1.0-nice", "nicesink nicesrc" },
  { "gstreamer1.0-pipewire", "pipewiresink pipewiresrc" },
};

static const char *const ours[] = { "mae-encoder", "mae-decoder", "mae-trainer", "head-predict", "head-trainer",
  "head-overlay", "live-src", "dataset-sink", "dataset-src", "scale-uploader",
  "plaza-test-src", NULL
};

static gboolean
lists (const char *elements, const char *element)
{
  gsize length = strlen (element);
  for (const char *word = elements; *word;) {
    gsize n = strcspn (word, " ");
    if (word[n - 1] == '*' ? n <= length + 1 && strncmp (word, element, n - 1) == 0
        : n == length && strncmp (word, element, n) == 0)
      return TRUE;
    word += n + strspn (word + n, " ");
  }
  return FALSE;
}

const char *
gh_element_package (const char *element)
{
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)
    if (lists (table[i].elements, element))
      return table[i].package;
  return NULL;
}

gboolean
gh_element_is_ours (const char *element)
{
  return g_strv_contains (ours, element);
}

char *
gh_element_remedy (const char *element)
{
  const char *package = gh_element_package (element);
  if (gh_element_is_ours (element))
    return g_strdup ("a part of gst-heads that GStreamer does not find: in a build tree use \"meson devenv -C build\", "
        "else install it or set GST_PLUGIN_PATH");
  if (package)
    return g_strdup_printf ("on Debian: apt install %s", package);
  return g_strdup ("check the spelling; gst-inspect-1.0 lists the elements that are installed");
}

static gboolean
is_set (const char *variable)
{
  const char *value = g_getenv (variable);

  return value && *value;
}

gboolean
gh_has_screen (void)
{
  return is_set ("DISPLAY") || is_set ("WAYLAND_DISPLAY");
}
