/* SPDX-License-Identifier: LGPL-2.1-or-later
 * camerasecret.c: see the header. */
#include "camerasecret.h"

/* Up to the next name, or the end of the word. */
#define SECRET "([/&;_](?:user(?:name)?|usr|login|loginpas|pass(?:word|wd)?|pwd|psw|token|key|secret|auth)=)" \
    "(?:(?![&;/_][a-z0-9]+=)[^\\s\"'&;])*"

gchar *
camera_secret_redact (const gchar *text)
{
  g_autoptr (GRegex) regex = g_regex_new (SECRET, G_REGEX_RAW | G_REGEX_CASELESS, 0, NULL);
  gchar *clean = g_regex_replace (regex, text, -1, 0, "\\1***", 0, NULL);

  return clean ? clean : g_strdup ("***");
}
