/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstmodelerror.h: a GError of models/ as an element's error message.
 *
 * The first text says what is wrong in the words of models/, which name the file, and what to do about it; the code
 * tells applications apart what went wrong:
 *   absent file RESOURCE/NOT_FOUND, unreadable RESOURCE/OPEN_READ, corrupt RESOURCE/READ, sound but unsuitable
 *   RESOURCE/SETTINGS, not written RESOURCE/WRITE, training data STREAM/WRONG_TYPE, back end LIBRARY/INIT while
 *   starting and LIBRARY/FAILED later.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* Domain and code for error; state: the element's, which tells starting from running. */
GQuark gst_model_error_code (const GError *error, GstState state, gint *code);

/* "what is wrong. What to do." property: the one that names the file, such as "model"; NULL: the error says itself what
 * to do. Free with g_free(). */
gchar *gst_model_error_text (const GError *error, const gchar *property);

/* Posts error; call without a lock held. The error stays the caller's. */
#define GST_ELEMENT_MODEL_ERROR(element, error, property) \
    gst_model_error_post (GST_ELEMENT (element), (error), (property), __FILE__, GST_FUNCTION, __LINE__)
void gst_model_error_post (GstElement *element, const GError *error, const gchar *property, const gchar *file,
    const gchar *function, gint line);

/* The same as a warning of a running element, with what follows from it after the text. */
#define GST_ELEMENT_MODEL_WARNING(element, error, property, consequence) \
    gst_model_warning_post (GST_ELEMENT (element), (error), (property), (consequence), __FILE__, GST_FUNCTION, __LINE__)
void gst_model_warning_post (GstElement *element, const GError *error, const gchar *property, const gchar *consequence,
    const gchar *file, const gchar *function, gint line);

G_END_DECLS
