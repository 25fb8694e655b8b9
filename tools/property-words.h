/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * property-words.h (private): what a property takes, in words, for those who gave it something else.
 */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

/* "quality of dataset-sink takes a whole number from 1 to 100 (Of the JPEG that raw video becomes)". To be freed. */
char *gh_property_words (const char *element, const GParamSpec *spec);

/* The same of GStreamer's complaint about a value that it could not set, which names a property and the factory of an
 * element. NULL where it does not. To be freed. */
char *gh_property_words_of_unset (const char *complaint);

/* "quality=200 is out of range: quality of ..." of GObject's complaint, made while `pipeline` was, about a value beyond
 * what a property takes: that leaves the property as it was, and names no element, so it is the first that would not take
 * the value. `property` is set to its name. NULL where it is another complaint. Both to be freed. */
char *gh_property_words_of_range (const char *complaint, GstElement *pipeline, char **property);

G_END_DECLS
