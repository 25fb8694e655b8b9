/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-live-src
 * @title: live-src
 *
 * Frames of a live camera for weeks: from the page of a live video (through yt-dlp or streamlink), an HLS playlist, motion
 * JPEG or single pictures over HTTP, RTSP, or a file. Whatever the network and the camera do, the pipeline goes on: an
 * outage is a message with a reason, and frames come again when they can. There is never a frame that the camera did not
 * take.
 *
 * With an interval of at least a segment's length (the default is ten seconds) a frame of HLS costs little: the first
 * key frame of one segment each interval is decoded, at a twentieth of what decoding all costs. Intervals are counted
 * along the stream, so a machine that is late for a segment still takes it, unless it lies half a minute back. With a
 * shorter interval every segment is fetched and played at the stream's pace, half a segment after it was noticed, so
 * that none comes late at a sink that keeps time. The HLS client is this element's own, because hlsdemux2 of GStreamer
 * 1.22 ends the whole process when a segment is missing. Of RTSP, too, key frames alone are decoded as soon as two
 * distances between them were no longer than the interval (`keyframes-only` in the statistics); where they are rarer,
 * all is decoded, and the interval leaves frames out afterwards. Of a file, all is decoded.
 *
 * Frames carry when they were taken as a reference timestamp (timestamp/x-unix), of the playlist's program date-time where
 * it has one, and a #GstCustomMeta "GstCaptureInfo" (source, uri, captured-at, received-at, media-sequence,
 * clock-suspect).
 *
 * An outage is the element message `live-outage` at its begin and its end: state (begin or end), source, reason, detail,
 * at. The same in words is a WARNING and an INFO, which gst-launch-1.0 prints, with that structure as details; and it
 * goes downstream as a custom event. It begins once no frame is left of what was fetched before, so a failure that mends
 * itself in the meantime is none, and ends with the first frame that was fetched since. Reasons are words: of HTTP
 * (http_403, not_a_playlist, not_a_picture, not_a_stream, broken_playlist, no_segments, empty_segment, too_large,
 * bad_uri), of the network (dns, refused, timeout, tls, connection, not_found, unauthorized), of the stream (stale,
 * ended, undecodable, decode_timeout, no_keyframe, no_decoder; unsupported: encrypted, or in ranges of bytes). A key
 * frame need not begin each segment: of those that have none up to three are passed over before it is no_keyframe. A
 * server that says when to come back (Retry-After) is left alone till then, for up to fifteen times
 * #GstLiveSrc:retry-max.
 *
 * Those of the resolver are read off what it prints, and tell what to do. `offline`: not begun yet; `ended`: the event
 * is over, and the page may bring the next; `private`: it wants a login or a membership; `region`: not shown in this
 * country; `no_formats`: no HLS among its streams, or none that the command line allows; `rate_limited` and
 * `bot_check`: the site bars this address for a while, so the next try waits fifteen times retry-max;
 * `resolver_missing`: install it, or name its place in resolver; `resolver_timeout`: it did not end within
 * resolver-timeout; `resolver_garbage`: neither JSON nor an address; `resolver_too_much`: megabytes; `resolver_failed`:
 * anything else, its own words are the detail. An old yt-dlp is often the cause of the last; Debian's does not follow
 * the sites.
 *
 * Frames that come but are doubtful go on, and the element message `live-doubt` tells begin and end with the same
 * fields. Reason `clock`: the playlist's program date-time is more than a minute off this machine's clock; one of the
 * two is wrong, and captured-at is the playlist's. Such frames have clock-suspect in their meta, and the statistics
 * say clock-offset in seconds. Reason `frozen`: pictures have been the same to the last bit for longer than timeout,
 * which happens where an encoder repeats its last one, and never with a sensor that works. Reason `keyframes`: those of RTSP
 * had been frequent enough to decode nothing else, and are no more; one is asked of the camera, and from the next one on all
 * is decoded. The frames are sound, but cost more.
 *
 * Only what no waiting mends is an error: a file that is not there, and a decoder that is not installed.
 *
 * Frames come as large as the camera sends them, and that may change, after an outage or within a playlist: what can take
 * one size alone has videoscale before it. rtspt:// takes RTSP over TCP, where packets get lost. What is behind http://
 * its server tells (#GstLiveSrc:resolve): HLS, whatever the address ends in; motion JPEG (multipart/x-mixed-replace), of
 * which a picture each interval is decoded, without those that are not whole or claim more than 128 megapixels; one
 * picture (image/jpeg or another that there is a decoder for), which is asked for each interval and handed out when it is
 * a new one; or else a page, for the resolver. A user and password may stand before the host. Pictures that stay the same
 * for longer than #GstLiveSrc:timeout are an outage where they are asked for (stale), and a doubt where they come by
 * themselves (frozen). After its end with #GstLiveSrc:restart-on-eos a playlist is looked at until it has newer segments;
 * it is not played twice. What a page's stream may be used for is for its site's terms to say; an address of the stream
 * itself, from whoever runs the camera, lasts longer than any resolver.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 plaza-test-src num-buffers=60 ! videoconvert ! jpegenc ! matroskamux ! filesink location=plaza.mkv && \
 *   gst-launch-1.0 live-src uri=plaza.mkv interval=500000000 ! mae-encoder ! head-predict heads=plaza-people ! fakesink -m
 * ]| A film that stands for a camera, and two frames a second of it. A live page instead is
 * uri=https://www.youtube.com/watch?v=...
 *
 * Since: 0.1
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlivesrc.h"

#include "hls-feed.h"
#include "live-address.h"
#include "live-feed.h"
#include "live-http.h"
#include "stream-resolver.h"
#include "uri-feed.h"

#include "gst/common/gstcaptureinfo.h"
#include "gst/common/gstposterror.h"

GST_DEBUG_CATEGORY_STATIC (gst_live_src_debug);
#define GST_CAT_DEFAULT gst_live_src_debug

/* Frames that keep their distances may come this far from when they are due. */
#define MAX_DRIFT GST_SECOND

enum {
  PROP_0, PROP_URI, PROP_SOURCE, PROP_INTERVAL, PROP_MAX_HEIGHT, PROP_RESOLVER, PROP_USER_AGENT, PROP_RESTART_ON_EOS,
  PROP_TIMEOUT, PROP_RETRY_MIN, PROP_RETRY_MAX, PROP_REQUEST_TIMEOUT, PROP_RESOLVER_TIMEOUT, PROP_RESOLVE_MARGIN,
  PROP_RESOLVE_INTERVAL, PROP_RESOLVE, PROP_STATISTICS
};

enum { SIGNAL_UPDATE_URI, N_SIGNALS };
static guint signals[N_SIGNALS];

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS ("video/x-raw"));

struct _GstLiveSrc {
  GstPushSrc parent;

  LiveSettings set;             /* under the object lock */
  LiveFeed *feed;               /* while started; the pointer under the object lock */
  GThread *thread;

  /* The streaming thread's. */
  GstCaps *decoded;             /* as the last frame's came */
  guint epoch;
  GstClockTime epoch_base, last_pts;
};

G_DEFINE_TYPE (GstLiveSrc, gst_live_src, GST_TYPE_PUSH_SRC);
GST_ELEMENT_REGISTER_DEFINE (live_src, "live-src", GST_RANK_NONE, GST_TYPE_LIVE_SRC);

/* ---- properties ------------------------------------------------------------------------------------------------- */

#define GST_TYPE_LIVE_SRC_RESOLVE (gst_live_src_resolve_get_type ())

static GType
gst_live_src_resolve_get_type (void)
{
  static gsize type = 0;
  static const GEnumValue values[] = {
    { LIVE_RESOLVE_AUTO, "What is neither a playlist nor pictures", "auto" },
    { LIVE_RESOLVE_ALWAYS, "Every address of HTTP", "always" },
    { LIVE_RESOLVE_NEVER, "None: a page is an outage", "never" },
    { 0, NULL, NULL }
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstLiveSrcResolve", values));
  return type;
}

static void
set_string (gchar **to, const GValue *value)
{
  g_free (*to);
  *to = g_value_dup_string (value);
}

static GstClockTime *
time_of (LiveSettings *set, guint id)
{
  switch (id) {
    case PROP_INTERVAL:
      return &set->interval;
    case PROP_TIMEOUT:
      return &set->timeout;
    case PROP_RETRY_MIN:
      return &set->retry_min;
    case PROP_RETRY_MAX:
      return &set->retry_max;
    case PROP_REQUEST_TIMEOUT:
      return &set->request_timeout;
    case PROP_RESOLVER_TIMEOUT:
      return &set->resolver_timeout;
    case PROP_RESOLVE_MARGIN:
      return &set->resolve_margin;
    case PROP_RESOLVE_INTERVAL:
      return &set->resolve_interval;
    default:
      return NULL;
  }
}

static void
gst_live_src_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  GstLiveSrc *self = GST_LIVE_SRC (object);
  LiveSettings *set = &self->set;
  GstClockTime *time = time_of (set, id);

  GST_OBJECT_LOCK (self);
  if (time)
    *time = g_value_get_uint64 (value);
  else if (id == PROP_URI)
    set_string (&set->uri, value);
  else if (id == PROP_SOURCE)
    set_string (&set->source, value);
  else if (id == PROP_RESOLVER)
    set_string (&set->resolver, value);
  else if (id == PROP_USER_AGENT)
    set_string (&set->user_agent, value);
  else if (id == PROP_MAX_HEIGHT)
    set->max_height = g_value_get_uint (value);
  else if (id == PROP_RESTART_ON_EOS)
    set->restart_on_eos = g_value_get_boolean (value);
  else if (id == PROP_RESOLVE)
    set->resolve = (LiveResolve) g_value_get_enum (value);
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_live_src_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  GstLiveSrc *self = GST_LIVE_SRC (object);
  LiveSettings *set = &self->set;
  GstClockTime *time = time_of (set, id);

  GST_OBJECT_LOCK (self);
  if (time)
    g_value_set_uint64 (value, *time);
  else if (id == PROP_URI)
    g_value_set_string (value, set->uri);
  else if (id == PROP_SOURCE)
    g_value_set_string (value, set->source);
  else if (id == PROP_RESOLVER)
    g_value_set_string (value, set->resolver);
  else if (id == PROP_USER_AGENT)
    g_value_set_string (value, set->user_agent);
  else if (id == PROP_MAX_HEIGHT)
    g_value_set_uint (value, set->max_height);
  else if (id == PROP_RESTART_ON_EOS)
    g_value_set_boolean (value, set->restart_on_eos);
  else if (id == PROP_RESOLVE)
    g_value_set_enum (value, (gint) set->resolve);
  else if (id == PROP_STATISTICS)
    g_value_take_boxed (value, self->feed ? live_feed_describe (self->feed)
        : gst_structure_new ("live-src-statistics", "state", G_TYPE_STRING, "stopped", NULL));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  GST_OBJECT_UNLOCK (self);
}

static void
gst_live_src_finalize (GObject *object)
{
  live_settings_clear (&GST_LIVE_SRC (object)->set);
  G_OBJECT_CLASS (gst_live_src_parent_class)->finalize (object);
}

/* ---- from start to stop --------------------------------------------------------------------------------------------- */

static gchar *
update_uri (GstElement *element, const gchar *uri)
{
  gchar *other = NULL;

  g_signal_emit (element, signals[SIGNAL_UPDATE_URI], 0, uri, &other);
  return other;
}

static LiveSettings
copy_settings (GstLiveSrc *self)
{
  LiveSettings copy;

  GST_OBJECT_LOCK (self);
  copy = self->set;
  copy.uri = copy.uri && !gst_uri_is_valid (copy.uri) ? gst_filename_to_uri (copy.uri, NULL) : g_strdup (copy.uri);
  copy.source = copy.source && *copy.source ? g_strdup (copy.source) : live_uri_host (copy.uri);
  copy.resolver = g_strdup (copy.resolver && *copy.resolver ? copy.resolver : STREAM_RESOLVER_DEFAULT);
  copy.user_agent = g_strdup (copy.user_agent);
  GST_OBJECT_UNLOCK (self);
  return copy;
}

/* The elements of inner pipelines whose absence nothing else would tell. */
static gboolean
has_parts (GstLiveSrc *self)
{
  static const gchar *const parts[] = { "appsrc", "appsink", "decodebin", "uridecodebin" };

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++) {
    GstElementFactory *factory = gst_element_factory_find (parts[i]);

    if (factory == NULL) {
      GST_ELEMENT_ERROR (self, CORE, MISSING_PLUGIN, ("live-src needs %s: install gstreamer1.0-plugins-base", parts[i]),
          (NULL));
      return FALSE;
    }
    gst_object_unref (factory);
  }
  return TRUE;
}

static gboolean
check_settings (GstLiveSrc *self, const LiveSettings *set)
{
  g_autofree gchar *given = NULL, *problem = NULL;

  GST_OBJECT_LOCK (self);
  given = g_strdup (self->set.uri);
  GST_OBJECT_UNLOCK (self);
  problem = live_address_problem (given, set->uri);
  if (problem == NULL)
    return has_parts (self);
  GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS, ("%s", problem), (NULL));
  return FALSE;
}

static gboolean
gst_live_src_start (GstBaseSrc *bsrc)
{
  GstLiveSrc *self = GST_LIVE_SRC (bsrc);
  LiveSettings set = copy_settings (self);
  const gchar *scheme;
  LiveFeed *feed;
  gboolean http;

  if (!check_settings (self, &set)) {
    live_settings_clear (&set);
    return FALSE;
  }
  self->epoch = 0;
  self->last_pts = GST_CLOCK_TIME_NONE;
  feed = live_feed_new (GST_ELEMENT (self));
  feed->set = set;
  feed->update_uri = update_uri;
  scheme = g_uri_peek_scheme (set.uri);
  http = g_strcmp0 (scheme, "http") == 0 || g_strcmp0 (scheme, "https") == 0;
  GST_OBJECT_LOCK (self);
  self->feed = feed;
  GST_OBJECT_UNLOCK (self);
  self->thread = g_thread_new ("live-src", http ? hls_feed_run : uri_feed_run, feed);
  return TRUE;
}

static gboolean
gst_live_src_stop (GstBaseSrc *bsrc)
{
  GstLiveSrc *self = GST_LIVE_SRC (bsrc);
  LiveFeed *feed = self->feed;

  if (feed == NULL)
    return TRUE;
  live_feed_stop (feed);
  g_thread_join (self->thread);
  GST_OBJECT_LOCK (self);
  self->feed = NULL;
  GST_OBJECT_UNLOCK (self);
  live_feed_free (feed);
  gst_clear_caps (&self->decoded);
  return TRUE;
}

static gboolean
gst_live_src_unlock (GstBaseSrc *bsrc)
{
  if (GST_LIVE_SRC (bsrc)->feed)
    live_feed_set_flushing (GST_LIVE_SRC (bsrc)->feed, TRUE);
  return TRUE;
}

static gboolean
gst_live_src_unlock_stop (GstBaseSrc *bsrc)
{
  if (GST_LIVE_SRC (bsrc)->feed)
    live_feed_set_flushing (GST_LIVE_SRC (bsrc)->feed, FALSE);
  return TRUE;
}

/* ---- frames ------------------------------------------------------------------------------------------------------- */

/* Caps are the camera's, with each change of it. */
static gboolean
gst_live_src_negotiate (GstBaseSrc *bsrc)
{
  return TRUE;
}

static gboolean
gst_live_src_is_seekable (GstBaseSrc *bsrc)
{
  return FALSE;
}

static gboolean
take_caps (GstLiveSrc *self, GstCaps *decoded)
{
  GstCaps *caps;
  gboolean taken;

  if (self->decoded && gst_caps_is_equal (self->decoded, decoded))
    return TRUE;
  caps = gst_caps_copy (decoded);
  if (self->feed->set.interval > 0)     /* the stream's rate is not that of these frames */
    gst_caps_set_simple (caps, "framerate", GST_TYPE_FRACTION, 0, 1, NULL);
  taken = gst_base_src_set_caps (GST_BASE_SRC (self), caps);
  gst_caps_unref (caps);
  gst_caps_replace (&self->decoded, taken ? decoded : NULL);
  return taken;
}

static GstClockTime
running_time (GstLiveSrc *self)
{
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime now = clock ? gst_clock_get_time (clock) : 0, base = gst_element_get_base_time (GST_ELEMENT (self));

  if (clock)
    gst_object_unref (clock);
  return now > base ? now - base : 0;
}

/* When it is handed out; frames of one epoch keep their distances. */
static void
stamp (GstLiveSrc *self, const LiveItem *item)
{
  GstClockTime now = running_time (self), pts = now;

  if (item->epoch) {
    if (item->epoch != self->epoch || ABS (GST_CLOCK_DIFF (self->epoch_base + item->offset, now)) > (gint64) MAX_DRIFT) {
      self->epoch = item->epoch;
      self->epoch_base = now - item->offset;    /* may wrap, and wraps back */
    }
    pts = self->epoch_base + item->offset;
  }
  if (GST_CLOCK_TIME_IS_VALID (self->last_pts) && self->last_pts > now + 2 * MAX_DRIFT)
    self->last_pts = GST_CLOCK_TIME_NONE;       /* a flush has set the time back */
  if (GST_CLOCK_TIME_IS_VALID (self->last_pts) && pts <= self->last_pts)
    pts = self->last_pts + 1;
  GST_BUFFER_PTS (item->buffer) = self->last_pts = pts;
  if (self->feed->set.interval > 0)     /* that of a frame of the stream says nothing of these */
    GST_BUFFER_DURATION (item->buffer) = GST_CLOCK_TIME_NONE;
}

static GstFlowReturn
hand_out (GstLiveSrc *self, LiveItem *item, GstBuffer **buffer)
{
  switch (item->kind) {
    case LIVE_ITEM_FRAME:
      if (!take_caps (self, item->caps))
        return GST_FLOW_NOT_NEGOTIATED;
      stamp (self, item);
      *buffer = g_steal_pointer (&item->buffer);
      return GST_FLOW_OK;
    case LIVE_ITEM_OUTAGE:
      gst_pad_push_event (GST_BASE_SRC_PAD (self), gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
              g_steal_pointer (&item->outage)));
      return GST_FLOW_OK;
    case LIVE_ITEM_END:
      return GST_FLOW_EOS;
    default:
      GST_ELEMENT_POST_ERROR (self, item->error);
      return GST_FLOW_ERROR;
  }
}

static GstFlowReturn
gst_live_src_create (GstPushSrc *psrc, GstBuffer **buffer)
{
  GstLiveSrc *self = GST_LIVE_SRC (psrc);
  GstFlowReturn flow = GST_FLOW_OK;

  *buffer = NULL;
  while (flow == GST_FLOW_OK && *buffer == NULL) {
    LiveItem item = { 0 };

    if (!live_feed_pop (self->feed, &item))
      return GST_FLOW_FLUSHING;
    flow = hand_out (self, &item, buffer);
    live_item_clear (&item);
  }
  return flow;
}

/* ---- class -------------------------------------------------------------------------------------------------------------- */

#define FLAGS (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define AT_REST (FLAGS | GST_PARAM_MUTABLE_READY)

static void
install_time (GObjectClass *class, guint id, const gchar *name, const gchar *nick, const gchar *blurb, guint64 value)
{
  g_object_class_install_property (class, id, g_param_spec_uint64 (name, nick, blurb, 0, G_MAXINT64, value, AT_REST));
}

static void
install_times (GObjectClass *class)
{
  install_time (class, PROP_INTERVAL, "interval", "Interval",
      "Nanoseconds between two frames; 0: every frame of the stream", 10 * GST_SECOND);
  install_time (class, PROP_TIMEOUT, "timeout", "Timeout", "Nanoseconds without a frame after which the stream is given up "
      "and begun anew; at least three intervals and three segments are waited", 60 * GST_SECOND);
  install_time (class, PROP_RETRY_MIN, "retry-min", "Shortest wait", "Nanoseconds to wait after a first failure, at "
      "least a tenth of a second; doubles with each that follows", GST_SECOND);
  install_time (class, PROP_RETRY_MAX, "retry-max", "Longest wait", "Nanoseconds that a wait after a failure "
      "grows to; up to fifteen times that where the site says that it is asked too often, or when to come back",
      60 * GST_SECOND);
  install_time (class, PROP_REQUEST_TIMEOUT, "request-timeout", "Request timeout",
      "Nanoseconds that one whole request may take", 20 * GST_SECOND);
  install_time (class, PROP_RESOLVER_TIMEOUT, "resolver-timeout", "Resolver timeout",
      "Nanoseconds that the resolver may take", 90 * GST_SECOND);
  install_time (class, PROP_RESOLVE_MARGIN, "resolve-margin", "Resolve margin",
      "Nanoseconds before its address expires at which a page is resolved again, but not before half of its life",
      1800 * GST_SECOND);
  install_time (class, PROP_RESOLVE_INTERVAL, "resolve-interval", "Resolve interval",
      "Nanoseconds after which a page is resolved again in any case", 5 * 3600 * GST_SECOND);
}

static void
install_properties (GObjectClass *class)
{
  g_object_class_install_property (class, PROP_URI, g_param_spec_string ("uri", "URI",
          "The camera: the page of a live video, HLS, motion JPEG or a picture over HTTP, rtsp://, or a file", NULL, AT_REST));
  g_object_class_install_property (class, PROP_SOURCE, g_param_spec_string ("source", "Source",
          "The camera's name, for frames and messages; without it the host of uri", NULL, AT_REST));
  g_object_class_install_property (class, PROP_RESOLVER, g_param_spec_string ("resolver", "Resolver",
          "Command line that prints the stream's address for the page {uri}, of at most {height} lines: JSON of yt-dlp "
          "-j or streamlink --json, or the address alone; no shell sees it", STREAM_RESOLVER_DEFAULT, AT_REST));
  g_object_class_install_property (class, PROP_RESOLVE, g_param_spec_enum ("resolve", "Resolve",
          "Which addresses of HTTP the resolver gets; auto asks the server once what is there",
          GST_TYPE_LIVE_SRC_RESOLVE, LIVE_RESOLVE_AUTO, AT_REST));
  g_object_class_install_property (class, PROP_USER_AGENT, g_param_spec_string ("user-agent", "User agent",
          "What requests call themselves; without it gst-heads and its version", NULL, AT_REST));
  g_object_class_install_property (class, PROP_MAX_HEIGHT, g_param_spec_uint ("max-height", "Largest height",
          "Lines of the largest variant to take, of a page as far as resolver asks for {height} or lists the streams "
          "by quality, as streamlink --json {uri} does; 0: the largest there is", 0, G_MAXUINT, 1080, AT_REST));
  g_object_class_install_property (class, PROP_RESTART_ON_EOS, g_param_spec_boolean ("restart-on-eos", "Restart at the end",
          "Begin anew where a playlist or a file ends, as pages always are", FALSE, AT_REST));
  install_times (class);
  g_object_class_install_property (class, PROP_STATISTICS, g_param_spec_boxed ("statistics", "Statistics",
          "Frames, dropped, segments, bytes, last-frame-age, state, outages, outage-seconds (of one that lasts, else 0), "
          "resolves-ok, resolves-failed, url-expire, "
          "clock-suspect, clock-offset (seconds, of the playlist against this machine), frozen, "
          "keyframes-only (nothing else is decoded), http-responses by kind and status, reconnects by reason",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

static void
gst_live_src_class_init (GstLiveSrcClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GstElementClass *element_class = GST_ELEMENT_CLASS (class);
  GstBaseSrcClass *base_class = GST_BASE_SRC_CLASS (class);

  object_class->set_property = gst_live_src_set_property;
  object_class->get_property = gst_live_src_get_property;
  object_class->finalize = gst_live_src_finalize;
  install_properties (object_class);
  /**
   * GstLiveSrc::update-uri:
   * @uri: as the property has it
   *
   * Asked before each new attempt to reach the camera, from a thread of the element.
   *
   * Returns: (nullable) (transfer full): another uri to try, or %NULL
   */
  signals[SIGNAL_UPDATE_URI] = g_signal_new ("update-uri", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
      G_TYPE_STRING, 1, G_TYPE_STRING);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Live camera source", "Source/Network/Video",
      "Frames of a live camera (live page, HLS, motion JPEG, RTSP, file) that outlives every outage", "The gst-heads authors");
  gst_element_class_add_static_metadata (element_class, "example",
      "gst-launch-1.0 live-src uri=https://www.youtube.com/watch?v=ID ! mae-encoder ! head-predict heads=HEAD location=- ! fakesink");
  base_class->start = gst_live_src_start;
  base_class->stop = gst_live_src_stop;
  base_class->unlock = gst_live_src_unlock;
  base_class->unlock_stop = gst_live_src_unlock_stop;
  base_class->negotiate = gst_live_src_negotiate;
  base_class->is_seekable = gst_live_src_is_seekable;
  GST_PUSH_SRC_CLASS (class)->create = gst_live_src_create;
  gst_capture_info_meta_register ();
  GST_DEBUG_CATEGORY_INIT (gst_live_src_debug, "live-src", 0, "live cameras");
}

static void
gst_live_src_init (GstLiveSrc *self)
{
  self->set = (LiveSettings) { .resolver = g_strdup (STREAM_RESOLVER_DEFAULT), .max_height = 1080,
    .interval = 10 * GST_SECOND, .timeout = 60 * GST_SECOND, .retry_min = GST_SECOND, .retry_max = 60 * GST_SECOND,
    .request_timeout = 20 * GST_SECOND, .resolver_timeout = 90 * GST_SECOND, .resolve_margin = 1800 * GST_SECOND,
    .resolve_interval = 5 * 3600 * GST_SECOND };
  gst_base_src_set_live (GST_BASE_SRC (self), TRUE);
  gst_base_src_set_format (GST_BASE_SRC (self), GST_FORMAT_TIME);
  GST_OBJECT_FLAG_SET (self, GST_ELEMENT_FLAG_REQUIRE_CLOCK);
}
