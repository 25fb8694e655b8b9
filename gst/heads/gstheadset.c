/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstheadset.c: loads a list of head files and checks it as a whole.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstheadset.h"

#include <string.h>

#include "models/gh-mae-config.h"

struct _GstHeadSet {
  gint refs;
  GPtrArray *heads;             /* GhHead */
};

/* The names in a list, NULL-terminated. */
static GPtrArray *
split_list (const gchar *list)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  GString *name = g_string_new (NULL);

  for (const gchar *c = list ? list : "";; c++) {
    if (*c == '\\' && c[1] != '\0') {
      g_string_append_c (name, *++c);
    } else if (*c != ',' && *c != '\0') {
      g_string_append_c (name, *c);
    } else {
      g_strstrip (name->str);
      if (*name->str)
        g_ptr_array_add (names, g_strdup (name->str));
      g_string_truncate (name, 0);
      if (*c == '\0')
        break;
    }
  }
  g_string_free (name, TRUE);
  return names;
}

static GhHead *
load_head (const gchar *name, GError **error)
{
  g_autofree gchar *path = gh_model_find (name);

  return gh_head_load (path ? path : name, error);
}

/* A head's name becomes the name of a field in structures and JSON. */
static gboolean
check_name (const GhHead *head, GError **error)
{
  const gchar *name = gh_head_name (head);

  if (name[strspn (name, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "-_")] == '\0')
    return TRUE;
  g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s: this head's task is called '%s', but a task's name has only "
      "letters, digits, - and _", gh_head_path (head), name);
  return FALSE;
}

static gboolean
check_unique (const GstHeadSet *set, const GhHead *head, GError **error)
{
  for (guint i = 0; i < set->heads->len; i++) {
    const GhHead *other = g_ptr_array_index (set->heads, i);

    if (g_str_equal (gh_head_name (head), gh_head_name (other))) {
      g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "The heads %s and %s are both called '%s', so their "
          "predictions could not be told apart", gh_head_path (other), gh_head_path (head), gh_head_name (head));
      return FALSE;
    }
  }
  return TRUE;
}

GstHeadSet *
gst_head_set_load (const gchar *heads, GError **error)
{
  g_autoptr (GPtrArray) names = split_list (heads);
  g_autoptr (GstHeadSet) set = g_new0 (GstHeadSet, 1);

  set->refs = 1;
  set->heads = g_ptr_array_new_with_free_func ((GDestroyNotify) gh_head_unref);
  if (names->len == 0) {
    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "No head file is named (`gst-heads train-head` makes one)");
    return NULL;
  }
  for (guint i = 0; i < names->len; i++) {
    GhHead *head = load_head (g_ptr_array_index (names, i), error);

    if (head == NULL)
      return NULL;
    if (!check_name (head, error) || !check_unique (set, head, error)) {
      gh_head_unref (head);
      return NULL;
    }
    g_ptr_array_add (set->heads, head);
  }
  return g_steal_pointer (&set);
}

GstHeadSet *
gst_head_set_ref (GstHeadSet *set)
{
  g_atomic_int_inc (&set->refs);
  return set;
}

void
gst_head_set_unref (GstHeadSet *set)
{
  if (set == NULL || !g_atomic_int_dec_and_test (&set->refs))
    return;
  g_ptr_array_unref (set->heads);
  g_free (set);
}

guint
gst_head_set_size (const GstHeadSet *set)
{
  return set->heads->len;
}

const GhHead *
gst_head_set_get (const GstHeadSet *set, guint i)
{
  return g_ptr_array_index (set->heads, i);
}

gboolean
gst_head_set_check (const GstHeadSet *set, const gchar *model_id, const gchar *encoder_file, gint dim, GError **error)
{
  for (guint i = 0; i < set->heads->len; i++) {
    if (!gh_head_check (g_ptr_array_index (set->heads, i), model_id, encoder_file, dim, error))
      return FALSE;
  }
  return TRUE;
}

guint
gst_head_set_predict (const GstHeadSet *set, const gchar *model_id, const gfloat *embedding, GhPrediction *numbers,
    GstHeadPrediction *predictions, const GhHead **not_finite)
{
  guint n = 0;

  *not_finite = NULL;
  for (guint i = 0; i < set->heads->len; i++) {
    const GhHead *head = g_ptr_array_index (set->heads, i);

    if (!gh_head_predict (head, embedding, &numbers[n])) {
      *not_finite = *not_finite ? *not_finite : head;
      continue;
    }
    predictions[n] = (GstHeadPrediction) {
      .name = gh_head_name (head),
      .kind = gh_head_kind_name (gh_head_kind (head)),
      .value = numbers[n].value,
      .confidence = numbers[n].confidence,
      .unit = gh_head_unit (head),
      .text = numbers[n].text,
      .head_id = gh_head_id (head),
      .model_id = model_id,
    };
    n++;
  }
  return n;
}
