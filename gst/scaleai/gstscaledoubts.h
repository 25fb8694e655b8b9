/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstscaledoubts.h: frames that the service made no task of. By itself a refusal says little: it is the frame's own fault
 * once a task of another frame was made; it is not when nothing is taken, for then the settings or the project are wrong,
 * which is a halt. Where a task was made only after a halt, a person may have mended what was wrong: then each frame that
 * was doubted before is asked for once more, and only a second refusal is its own fault.
 *
 * A plain struct of one thread.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _GstScaleDoubts GstScaleDoubts;

GstScaleDoubts *gst_scale_doubts_new (void);
void gst_scale_doubts_free (GstScaleDoubts *doubts);

typedef enum {
  GST_SCALE_DOUBTED,            /* nobody knows yet: go on with another frame */
  GST_SCALE_OWN_FAULT,          /* of that frame */
  GST_SCALE_NOTHING_IS_TAKEN,   /* so many in a row: halt */
} GstScaleDoubt;

GstScaleDoubt gst_scale_doubts_refused (GstScaleDoubts *doubts, const gchar *reference, const gchar *frame,
    const gchar *problem);

/* A task of this frame was made. Calls visit for each that was refused by its own fault, which is then forgotten. */
void gst_scale_doubts_taken (GstScaleDoubts *doubts, const gchar *reference,
    void (*visit) (const gchar *reference, const gchar *frame, const gchar *problem, gpointer data), gpointer data);

/* Nothing is asked for a while. */
void gst_scale_doubts_halted (GstScaleDoubts *doubts);
/* Forgets all after a halt, once for each halt. FALSE: there was none since the last time. */
gboolean gst_scale_doubts_forgive (GstScaleDoubts *doubts);

/* Whether the frame is not to be asked for now; and how many are known, at most 32. */
gboolean gst_scale_doubts_holds (const GstScaleDoubts *doubts, const gchar *reference);
guint gst_scale_doubts_size (const GstScaleDoubts *doubts);

G_END_DECLS
