/* SPDX-License-Identifier: LGPL-2.1-or-later
 * frame-watch.c: see frame-watch.h. */
#include "frame-watch.h"

#include <stdatomic.h>

typedef struct {
  GhFrameWatch *watch;
  char *name;
  _Atomic guint64 frames;
  _Atomic gint64 last, last_time;       /* monotonic, and since 1970; microseconds */
} Sink;

typedef struct {
  GstPad *pad;
  gulong probe;
} Probe;

struct _GhFrameWatch {
  gint64 begun;
  void (*on_frame) (gpointer data);
  gpointer data;
  GPtrArray *sinks;             /* Sink */
  GArray *probes;
};

static GstPadProbeReturn
on_buffers (GstPad *pad, GstPadProbeInfo *info, gpointer data)
{
  Sink *sink = data;
  guint n = info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST ? gst_buffer_list_length (GST_PAD_PROBE_INFO_BUFFER_LIST (info))
      : 1;

  atomic_fetch_add (&sink->frames, n);
  atomic_store (&sink->last, g_get_monotonic_time ());
  atomic_store (&sink->last_time, g_get_real_time ());
  if (sink->watch->on_frame)
    sink->watch->on_frame (sink->watch->data);
  return GST_PAD_PROBE_OK;
}

static gboolean
watch_pad (GstElement *element, GstPad *pad, gpointer data)
{
  Sink *sink = data;
  Probe probe = { gst_object_ref (pad), gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER
        | GST_PAD_PROBE_TYPE_BUFFER_LIST, on_buffers, sink, NULL) };

  g_array_append_val (sink->watch->probes, probe);
  return TRUE;
}

static void
watch_sink (const GValue *item, gpointer data)
{
  GhFrameWatch *watch = data;
  GstElement *element = g_value_get_object (item);
  Sink *sink = g_new0 (Sink, 1);

  sink->watch = watch;
  sink->name = gst_object_get_name (GST_OBJECT (element));
  g_ptr_array_add (watch->sinks, sink);
  gst_element_foreach_sink_pad (element, watch_pad, sink);
}

static void
free_sink (gpointer data)
{
  Sink *sink = data;

  g_free (sink->name);
  g_free (sink);
}

GhFrameWatch *
gh_frame_watch_new (GstElement *pipeline, void (*on_frame) (gpointer data), gpointer data)
{
  GhFrameWatch *watch = g_new0 (GhFrameWatch, 1);
  GstIterator *sinks = gst_bin_iterate_sinks (GST_BIN (pipeline));

  watch->begun = g_get_monotonic_time ();
  watch->on_frame = on_frame;
  watch->data = data;
  watch->sinks = g_ptr_array_new_with_free_func (free_sink);
  watch->probes = g_array_new (FALSE, FALSE, sizeof (Probe));
  gst_iterator_foreach (sinks, watch_sink, watch);      /* nothing changes the pipeline yet */
  gst_iterator_free (sinks);
  return watch;
}

void
gh_frame_watch_free (GhFrameWatch *watch)
{
  if (!watch)
    return;
  for (guint i = 0; i < watch->probes->len; i++) {
    Probe *probe = &g_array_index (watch->probes, Probe, i);

    gst_pad_remove_probe (probe->pad, probe->probe);
    gst_object_unref (probe->pad);
  }
  g_array_unref (watch->probes);
  g_ptr_array_unref (watch->sinks);
  g_free (watch);
}

guint
gh_frame_watch_count (const GhFrameWatch *watch)
{
  return watch->sinks->len;
}

GhSinkFrames
gh_frame_watch_get (const GhFrameWatch *watch, guint i)
{
  Sink *sink = watch->sinks->pdata[i];
  gint64 last = atomic_load (&sink->last);

  return (GhSinkFrames) { sink->name, atomic_load (&sink->frames),
    (g_get_monotonic_time () - (last ? last : watch->begun)) / 1e6, atomic_load (&sink->last_time) / 1e6 };
}
