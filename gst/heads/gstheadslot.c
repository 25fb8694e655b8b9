/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadslot.c: loads heads and swaps them between two frames.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadslot.h"

#include <string.h>

void
gst_head_slot_init (GstHeadSlot *slot)
{
  memset (slot, 0, sizeof *slot);
  g_mutex_init (&slot->change_lock);
  g_mutex_init (&slot->lock);
}

void
gst_head_slot_finish (GstHeadSlot *slot)
{
  gst_head_slot_stop (slot);
  g_free (slot->heads);
  g_mutex_clear (&slot->lock);
  g_mutex_clear (&slot->change_lock);
}

gchar *
gst_head_slot_dup_heads (GstHeadSlot *slot)
{
  gchar *heads;

  g_mutex_lock (&slot->lock);
  heads = g_strdup (slot->heads);
  g_mutex_unlock (&slot->lock);
  return heads;
}

gboolean
gst_head_slot_start (GstHeadSlot *slot, GError **error)
{
  g_autofree gchar *heads = NULL;
  GstHeadSet *set;

  g_mutex_lock (&slot->change_lock);
  heads = gst_head_slot_dup_heads (slot);
  if ((set = gst_head_set_load (heads, error))) {
    g_mutex_lock (&slot->lock);
    slot->set = set;
    slot->started = TRUE;
    slot->reloads = slot->refused_reloads = 0;
    g_mutex_unlock (&slot->lock);
  }
  g_mutex_unlock (&slot->change_lock);
  return set != NULL;
}

void
gst_head_slot_stop (GstHeadSlot *slot)
{
  g_mutex_lock (&slot->change_lock);
  g_mutex_lock (&slot->lock);
  slot->started = FALSE;
  g_clear_pointer (&slot->set, gst_head_set_unref);
  g_clear_pointer (&slot->model_id, g_free);
  g_clear_pointer (&slot->encoder_file, g_free);
  slot->dim = 0;
  g_mutex_unlock (&slot->lock);
  g_mutex_unlock (&slot->change_lock);
}

static gboolean
fits_stream (GstHeadSlot *slot, const GstHeadSet *set, GError **error)
{
  g_autofree gchar *model_id = NULL, *encoder_file = NULL;
  gint dim;

  g_mutex_lock (&slot->lock);
  model_id = g_strdup (slot->model_id);
  encoder_file = g_strdup (slot->encoder_file);
  dim = slot->dim;
  g_mutex_unlock (&slot->lock);
  return dim == 0 || gst_head_set_check (set, model_id, encoder_file, dim, error);
}

/* Called with change_lock held, after the start. */
static gboolean
swap_heads (GstHeadSlot *slot, const gchar *heads, GError **error)
{
  g_autoptr (GstHeadSet) set = gst_head_set_load (heads, error);
  gboolean accepted = set && fits_stream (slot, set, error);

  g_mutex_lock (&slot->lock);
  if (accepted) {
    GstHeadSet *old = slot->set;

    slot->set = set;
    set = old;
    g_free (slot->heads);
    slot->heads = g_strdup (heads);
    slot->reloads++;
  } else {
    slot->refused_reloads++;
  }
  g_mutex_unlock (&slot->lock);
  return accepted;
}

gboolean
gst_head_slot_change (GstHeadSlot *slot, const gchar *heads, GError **error)
{
  g_auto (GstHeadChange) change = { 0 };

  return gst_head_slot_change_full (slot, heads, &change, error);
}

void
gst_head_change_clear (GstHeadChange *change)
{
  g_free (change->heads);
  gst_head_set_unref (change->before);
  gst_head_set_unref (change->after);
}

gboolean
gst_head_slot_change_full (GstHeadSlot *slot, const gchar *heads, GstHeadChange *change, GError **error)
{
  g_autofree gchar *list = NULL;
  gboolean accepted = TRUE;

  g_mutex_lock (&slot->change_lock);
  list = heads ? g_strdup (heads) : gst_head_slot_dup_heads (slot);
  *change = (GstHeadChange) { .heads = g_strdup (list), .before = gst_head_slot_acquire (slot) };
  if (slot->started) {
    accepted = swap_heads (slot, list, error);
  } else {
    g_mutex_lock (&slot->lock);
    g_free (slot->heads);
    slot->heads = g_steal_pointer (&list);
    g_mutex_unlock (&slot->lock);
  }
  change->after = gst_head_slot_acquire (slot);
  g_mutex_unlock (&slot->change_lock);
  return accepted;
}

void
gst_head_slot_get_counts (GstHeadSlot *slot, guint64 *reloads, guint64 *refused_reloads)
{
  g_mutex_lock (&slot->lock);
  *reloads = slot->reloads;
  *refused_reloads = slot->refused_reloads;
  g_mutex_unlock (&slot->lock);
}

GstHeadSet *
gst_head_slot_acquire (GstHeadSlot *slot)
{
  GstHeadSet *set;

  g_mutex_lock (&slot->lock);
  set = slot->set ? gst_head_set_ref (slot->set) : NULL;
  g_mutex_unlock (&slot->lock);
  return set;
}

gboolean
gst_head_slot_set_stream (GstHeadSlot *slot, const gchar *model_id, const gchar *encoder_file, gint dim)
{
  gboolean changed;

  g_mutex_lock (&slot->lock);
  changed = dim != slot->dim || g_strcmp0 (model_id, slot->model_id) != 0;
  if (changed) {
    g_free (slot->model_id);
    g_free (slot->encoder_file);
    slot->model_id = g_strdup (model_id);
    slot->encoder_file = g_strdup (encoder_file);
    slot->dim = dim;
  }
  g_mutex_unlock (&slot->lock);
  return changed;
}
