/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadoverlaypanel.c: the cards. Lengths are in em, the size of the text, which follows the frame's height; a card
 * is drawn with the origin at its upper left corner and one em as the unit.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadoverlaypanel.h"

#include <gst/video/gstvideometa.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

#define CARD_HEIGHT 3.15
#define CARD_GAP 0.3
#define MARGIN 0.9
#define PAD 0.55
#define STRIPE 0.22
#define NAME_SIZE 0.82
#define TEXT_SIZE 1.45
#define LABEL_SIZE 0.68
#define TEXT_MIN 4.6                    /* width of the column of words: as needed, between these */
#define TEXT_MAX 11.0
#define PLOT_WIDTH 8.2
#define PLOT_HEIGHT 1.9
#define LABEL_WIDTH 2.3
#define SMALLEST_EM 3.0                 /* pixels; below that nothing could be made out */

/* Loading fonts takes a tenth of a second: one map serves all panels of the process, one at a time. */
static GMutex fonts_lock;

typedef struct { gdouble r, g, b; } Rgb;

/* Easily told apart on dark, also by the colour blind. */
static const Rgb colors[] = {
  {0.36, 0.78, 0.98}, {1.00, 0.72, 0.30}, {0.50, 0.90, 0.58}, {0.98, 0.55, 0.62}, {0.80, 0.68, 1.00}, {0.96, 0.92, 0.52},
};

static PangoContext *
font_context (void)
{
  static PangoContext *context = NULL;

  if (!context) {
    PangoFontMap *fonts = pango_cairo_font_map_new ();

    context = pango_font_map_create_context (fonts);
    g_object_unref (fonts);
  }
  return context;
}

/* What is being drawn on: cr counts in em, `em` is its length in pixels. */
typedef struct {
  const GstHeadPanelStyle *style;
  cairo_t *cr;
  gdouble em;
} Pen;

static PangoLayout *
layout_for (const GstHeadPanelStyle *style, gdouble pixels, gboolean bold, const gchar *text)
{
  PangoLayout *layout = pango_layout_new (font_context ());
  PangoFontDescription *font = pango_font_description_from_string (style->font && *style->font ? style->font : "Sans");

  if (bold)
    pango_font_description_set_weight (font, PANGO_WEIGHT_BOLD);
  pango_font_description_set_absolute_size (font, MAX (pixels, 1) * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_layout_set_single_paragraph_mode (layout, TRUE);
  pango_layout_set_text (layout, text, -1);
  pango_font_description_free (font);
  return layout;
}

/* Width in em of a text of this size. */
static gdouble
measure (const GstHeadPanelStyle *style, gdouble em, gdouble size, gboolean bold, const gchar *text)
{
  PangoLayout *layout = layout_for (style, size * em, bold, text);
  PangoRectangle extents;

  pango_layout_get_extents (layout, NULL, &extents);
  g_object_unref (layout);
  return extents.width / (gdouble) PANGO_SCALE / em;
}

/* Text with its middle line at y, cut to `width` em; align 0 left of x .. 1 right. A shadow keeps it legible on any
 * picture. */
static void
write_text (Pen *pen, gdouble x, gdouble y, gdouble width, gdouble align, gdouble size, gboolean bold, Rgb color,
    const gchar *text)
{
  PangoLayout *layout = layout_for (pen->style, size * pen->em, bold, text);
  PangoRectangle extents;

  pango_layout_set_width (layout, (gint) MIN (width * pen->em * PANGO_SCALE, G_MAXINT / 2));
  pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
  pango_layout_get_extents (layout, NULL, &extents);
  for (gint pass = 0; pass < 2; pass++) {
    gdouble shift = pass == 0 ? MAX (0.06 * size, 1 / pen->em) : 0;

    cairo_save (pen->cr);
    cairo_translate (pen->cr, x + shift, y + shift);
    cairo_scale (pen->cr, 1 / pen->em, 1 / pen->em);
    cairo_translate (pen->cr, -(extents.x + align * extents.width) / (gdouble) PANGO_SCALE,
        -(extents.y + extents.height / 2.0) / PANGO_SCALE);
    if (pass == 0)
      cairo_set_source_rgba (pen->cr, 0, 0, 0, 0.6);
    else
      cairo_set_source_rgb (pen->cr, color.r, color.g, color.b);
    pango_cairo_show_layout (pen->cr, layout);
    cairo_restore (pen->cr);
  }
  g_object_unref (layout);
}

static void
rounded (cairo_t *cr, gdouble x, gdouble y, gdouble width, gdouble height, gdouble radius)
{
  cairo_new_sub_path (cr);
  cairo_arc (cr, x + width - radius, y + radius, radius, -G_PI / 2, 0);
  cairo_arc (cr, x + width - radius, y + height - radius, radius, 0, G_PI / 2);
  cairo_arc (cr, x + radius, y + height - radius, radius, G_PI / 2, G_PI);
  cairo_arc (cr, x + radius, y + radius, radius, G_PI, 3 * G_PI / 2);
  cairo_close_path (cr);
}

/* The smallest of 1, 2, 5, 10, 20, ... times a power of ten that is not below span. */
static gdouble
round_span (gdouble span)
{
  gdouble power = pow (10, floor (log10 (span)));

  if (span <= power * 1.0000001)
    return power;
  return span <= 2 * power ? 2 * power : span <= 5 * power ? 5 * power : 10 * power;
}

/* Ends of the axis: round numbers that hold all values; counts begin at 0. */
static void
find_axis (const GstHeadTrack *track, gdouble *low, gdouble *high)
{
  gdouble least = G_MAXDOUBLE, most = -G_MAXDOUBLE, step;

  for (guint i = 0; i < track->n_samples; i++) {
    gdouble value = gst_head_track_sample (track, i)->value;

    least = MIN (least, value);
    most = MAX (most, value);
  }
  if (least > most)
    least = most = 0;
  if (track->kind == GST_HEAD_TRACK_COUNT) {
    *low = MIN (0, floor (least));
    *high = *low + round_span (MAX (most - *low, 4));
    return;
  }
  step = round_span (MAX (most - least, MAX (fabs (most) * 0.01, 1e-9))) / 2;
  *low = floor (least / step) * step;
  *high = ceil (most / step) * step;
  if (*high <= *low)
    *high = *low + step;
}

static void
label (gchar *text, gsize size, gdouble value)
{
  g_snprintf (text, size, fabs (value) >= 1e5 || (value != 0 && fabs (value) < 1e-3) ? "%.0e" : "%.4g", value);
}

/* The line of values, newest at the right; under it a lighter area. It breaks where the head was silent. */
static void
draw_curve (Pen *pen, const GstHeadTrack *track, GstClockTime now, gdouble low, gdouble high, Rgb color)
{
  cairo_t *cr = pen->cr;
  GstClockTime gap = MAX (pen->style->hold, pen->style->history / GST_HEAD_TRACK_SAMPLES);
  gdouble x = 0, y = 0, start = 0;

  cairo_set_line_width (cr, 0.13);
  cairo_set_line_join (cr, CAIRO_LINE_JOIN_ROUND);
  for (guint i = 0; i < track->n_samples; i++) {
    const GstHeadSample *sample = gst_head_track_sample (track, i);
    const GstHeadSample *next = i + 1 < track->n_samples ? gst_head_track_sample (track, i + 1) : NULL;
    gdouble age = (now - sample->time) / (gdouble) pen->style->history;

    x = PLOT_WIDTH * (1 - age);
    y = PLOT_HEIGHT * (1 - (sample->value - low) / (high - low));
    if (!cairo_has_current_point (cr)) {
      cairo_move_to (cr, x, y);
      start = x;
    } else {
      cairo_line_to (cr, x, y);
    }
    if (next && next->time - sample->time <= gap)
      continue;
    if (!next && now - sample->time <= gap) {
      x = PLOT_WIDTH;
      cairo_line_to (cr, x, y);
    }
    cairo_set_source_rgb (cr, color.r, color.g, color.b);
    cairo_stroke_preserve (cr);
    cairo_line_to (cr, x, PLOT_HEIGHT);
    cairo_line_to (cr, start, PLOT_HEIGHT);
    cairo_close_path (cr);
    cairo_set_source_rgba (cr, color.r, color.g, color.b, 0.2);
    cairo_fill (cr);
  }
}

static void
draw_plot (Pen *pen, const GstHeadTrack *track, GstClockTime now, Rgb color)
{
  const Rgb grey = { 0.78, 0.80, 0.83 };
  cairo_t *cr = pen->cr;
  gdouble low, high;
  gchar text[32];

  find_axis (track, &low, &high);
  cairo_save (cr);
  cairo_rectangle (cr, 0, -0.1, PLOT_WIDTH, PLOT_HEIGHT + 0.2);
  cairo_clip (cr);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.08);
  cairo_paint (cr);
  cairo_set_line_width (cr, MAX (0.05, 1 / pen->em));
  cairo_set_source_rgba (cr, 1, 1, 1, 0.22);
  for (gint i = 0; i <= 2; i++) {
    cairo_move_to (cr, 0, PLOT_HEIGHT * i / 2);
    cairo_line_to (cr, PLOT_WIDTH, PLOT_HEIGHT * i / 2);
  }
  cairo_stroke (cr);
  draw_curve (pen, track, now, low, high, color);
  cairo_restore (cr);

  label (text, sizeof text, high);
  write_text (pen, PLOT_WIDTH + 0.25, 0.1, LABEL_WIDTH, 0, LABEL_SIZE, FALSE, grey, text);
  label (text, sizeof text, low);
  write_text (pen, PLOT_WIDTH + 0.25, PLOT_HEIGHT - 0.1, LABEL_WIDTH, 0, LABEL_SIZE, FALSE, grey, text);
}

/* A clock face: the hands say what the text says, for the glance. */
static void
draw_clock (Pen *pen, const GstHeadTrack *track, Rgb color)
{
  cairo_t *cr = pen->cr;
  gdouble radius = PLOT_HEIGHT / 2 + 0.15, minute = isfinite (track->value) ? track->value : 0;

  cairo_save (cr);
  cairo_translate (cr, radius, PLOT_HEIGHT / 2);
  cairo_arc (cr, 0, 0, radius, 0, 2 * G_PI);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.10);
  cairo_fill_preserve (cr);
  cairo_set_source_rgba (cr, 1, 1, 1, 0.45);
  cairo_set_line_width (cr, 0.09);
  cairo_stroke (cr);
  cairo_set_line_cap (cr, CAIRO_LINE_CAP_ROUND);
  for (gint hand = 0; hand < 2; hand++) {
    gdouble angle = 2 * G_PI * (hand ? minute / 60 : minute / 720), length = radius * (hand ? 0.8 : 0.5);

    cairo_set_source_rgb (cr, color.r, color.g, color.b);
    cairo_set_line_width (cr, hand ? 0.12 : 0.18);
    cairo_move_to (cr, 0, 0);
    cairo_line_to (cr, length * sin (angle), -length * cos (angle));
    cairo_stroke (cr);
  }
  cairo_restore (cr);
}

static void
draw_confidence (Pen *pen, const GstHeadTrack *track, Rgb color)
{
  const Rgb grey = { 0.78, 0.80, 0.83 };
  gchar text[16];

  if (track->percent < 0)
    return;
  cairo_set_source_rgba (pen->cr, 1, 1, 1, 0.14);
  rounded (pen->cr, 0, PLOT_HEIGHT / 2 - 0.22, PLOT_WIDTH, 0.44, 0.2);
  cairo_fill (pen->cr);
  cairo_set_source_rgb (pen->cr, color.r, color.g, color.b);
  rounded (pen->cr, 0, PLOT_HEIGHT / 2 - 0.22, MAX (0.44, PLOT_WIDTH * track->percent / 100), 0.44, 0.2);
  cairo_fill (pen->cr);
  g_snprintf (text, sizeof text, "%d %%", track->percent);
  write_text (pen, PLOT_WIDTH + 0.25, PLOT_HEIGHT / 2, LABEL_WIDTH, 0, LABEL_SIZE, FALSE, grey, text);
}

static void
draw_card (Pen *pen, const GstHeadTrack *track, GstClockTime now, gdouble words, gdouble width)
{
  const Rgb white = { 1, 1, 1 }, grey = { 0.80, 0.82, 0.85 }, color = colors[track->number % G_N_ELEMENTS (colors)];
  cairo_t *cr = pen->cr;

  cairo_set_source_rgba (cr, 0.05, 0.06, 0.08, pen->style->opacity);
  rounded (cr, 0, 0, width, CARD_HEIGHT, 0.35);
  cairo_fill (cr);
  cairo_save (cr);
  rounded (cr, 0, 0, width, CARD_HEIGHT, 0.35);
  cairo_clip (cr);
  cairo_rectangle (cr, 0, 0, STRIPE, CARD_HEIGHT);
  cairo_set_source_rgb (cr, color.r, color.g, color.b);
  cairo_fill (cr);
  cairo_restore (cr);
  write_text (pen, STRIPE + PAD, 0.88, words, 0, NAME_SIZE, FALSE, grey, track->name);
  write_text (pen, STRIPE + PAD, 2.1, words, 0, TEXT_SIZE, TRUE, white, track->text);
  if (!pen->style->plot)
    return;
  cairo_save (cr);
  cairo_translate (cr, STRIPE + 2 * PAD + words, (CARD_HEIGHT - PLOT_HEIGHT) / 2);
  switch (track->kind) {
    case GST_HEAD_TRACK_SCALAR:
    case GST_HEAD_TRACK_COUNT:
      draw_plot (pen, track, now, color);
      break;
    case GST_HEAD_TRACK_TIME:
      draw_clock (pen, track, color);
      break;
    case GST_HEAD_TRACK_CLASS:
      draw_confidence (pen, track, color);
      break;
  }
  cairo_restore (cr);
}

/* Where the cards go, in pixels. */
typedef struct {
  gdouble em, words, card_width;
  gdouble squeeze;              /* horizontal pixels per vertical one of the same length */
  guint cards;
  gint x, y, width, height;
} Plan;

static gboolean
make_plan (GstHeadTracks *tracks, const GstHeadPanelStyle *style, Plan *plan)
{
  guint n = gst_head_tracks_count (tracks);
  gdouble em = style->scale * (5.3 + 0.0185 * style->height), margin, room_x, room_y;

  plan->words = TEXT_MIN;
  for (guint i = 0; i < n; i++) {
    const GstHeadTrack *track = gst_head_tracks_nth (tracks, i);

    plan->words = MAX (plan->words, measure (style, em, TEXT_SIZE, TRUE, track->text) + 0.2);
    plan->words = MAX (plan->words, measure (style, em, NAME_SIZE, FALSE, track->name) + 0.2);
  }
  /* In whole em, so that the panel does not jump with every digit. */
  plan->words = MIN (ceil (plan->words), TEXT_MAX);
  plan->card_width = STRIPE + 2 * PAD + plan->words + (style->plot ? PLOT_WIDTH + LABEL_WIDTH + PAD : 0);
  plan->squeeze = style->par_n > 0 && style->par_d > 0 ? style->par_d / (gdouble) style->par_n : 1;
  room_x = style->width / (plan->squeeze * (plan->card_width + 2 * MARGIN));
  plan->em = MIN (em, room_x);
  /* Too many cards for the height: smaller, down to two thirds, then fewer. */
  room_y = style->height / (n * (CARD_HEIGHT + CARD_GAP) - CARD_GAP + 2 * MARGIN);
  if (plan->em > room_y)
    plan->em = MAX (room_y, MIN (plan->em, 0.67 * em));
  if (plan->em < SMALLEST_EM)
    return FALSE;
  margin = MARGIN * plan->em;
  plan->cards = MIN (n, (guint) MAX (0, floor ((style->height / plan->em - 2 * MARGIN + CARD_GAP)
              / (CARD_HEIGHT + CARD_GAP) + 1e-6)));
  if (plan->cards == 0)
    return FALSE;
  plan->width = MIN ((gint) ceil (plan->card_width * plan->em * plan->squeeze), style->width);
  plan->height = MIN ((gint) ceil ((plan->cards * (CARD_HEIGHT + CARD_GAP) - CARD_GAP) * plan->em), style->height);
  plan->x = (gint) MIN (margin * plan->squeeze, style->width - plan->width);
  plan->y = (gint) MIN (margin, style->height - plan->height);
  if (style->anchor == GST_HEAD_OVERLAY_TOP_RIGHT || style->anchor == GST_HEAD_OVERLAY_BOTTOM_RIGHT)
    plan->x = style->width - plan->width - plan->x;
  if (style->anchor >= GST_HEAD_OVERLAY_BOTTOM_LEFT)
    plan->y = style->height - plan->height - plan->y;
  return TRUE;
}

static void
draw_cards (GstHeadTracks *tracks, const GstHeadPanelStyle *style, const Plan *plan, cairo_surface_t *surface)
{
  Pen pen = { style, cairo_create (surface), plan->em };

  cairo_scale (pen.cr, plan->em * plan->squeeze, plan->em);
  for (guint i = 0; i < plan->cards; i++) {
    draw_card (&pen, gst_head_tracks_nth (tracks, i), gst_head_tracks_now (tracks), plan->words, plan->card_width);
    cairo_translate (pen.cr, 0, CARD_HEIGHT + CARD_GAP);
  }
  cairo_destroy (pen.cr);
}

/* cairo's ARGB32 is the overlay's own format, in memory of the same layout. */
static GstVideoOverlayRectangle *
wrap (cairo_surface_t *surface, const Plan *plan)
{
  gint stride = cairo_image_surface_get_stride (surface);
  gsize size = (gsize) stride * plan->height, offsets[GST_VIDEO_MAX_PLANES] = { 0 };
  gint strides[GST_VIDEO_MAX_PLANES] = { stride };
  GstBuffer *pixels;
  GstVideoOverlayRectangle *rectangle;

  cairo_surface_flush (surface);
  if (cairo_surface_status (surface) != CAIRO_STATUS_SUCCESS) {
    cairo_surface_destroy (surface);
    return NULL;
  }
  pixels = gst_buffer_new_wrapped_full (GST_MEMORY_FLAG_READONLY, cairo_image_surface_get_data (surface), size, 0, size,
      surface, (GDestroyNotify) cairo_surface_destroy);
  gst_buffer_add_video_meta_full (pixels, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
      plan->width, plan->height, 1, offsets, strides);
  rectangle = gst_video_overlay_rectangle_new_raw (pixels, plan->x, plan->y, plan->width, plan->height,
      GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  gst_buffer_unref (pixels);
  return rectangle;
}

GstVideoOverlayRectangle *
gst_head_panel_draw (GstHeadTracks *tracks, const GstHeadPanelStyle *style)
{
  cairo_surface_t *surface = NULL;
  Plan plan;

  if (gst_head_tracks_count (tracks) == 0)
    return NULL;
  g_mutex_lock (&fonts_lock);
  if (make_plan (tracks, style, &plan)) {
    surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, plan.width, plan.height);
    draw_cards (tracks, style, &plan, surface);
  }
  g_mutex_unlock (&fonts_lock);
  return surface ? wrap (surface, &plan) : NULL;
}
