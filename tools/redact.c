/* SPDX-License-Identifier: LGPL-2.1-or-later
 * redact.c: see the header. */
#include "redact.h"
#include "gst/common/camerasecret.h"

#include <gst/gst.h>
#include <string.h>

/* Up to the last @ of a word: passwords hold /, ?, ! and @ more often than they should. */
#define USER "(://)(?:\\\\.|[^\\s\"\\\\])*@"
#define QUERY "(://(?:\\\\.|[^\\s\"\\\\?])*)\\?(?:\\\\.|[^\\s\"\\\\])*"
/* Properties of GStreamer's network elements; as pipeline text, name=value, or as a structure, name=(string)value. */
#define SECRET "\\b(user-pw|user-id|proxy-pw|proxy-id|passphrase|cookies|extra-headers|" \
    "[\\w-]*(?:password|token|secret[\\w-]*))(\\s*\\\\?=\\s*)(?:\\\\?\\([a-z]+\\\\?\\)\\s*)?" \
    "(?:\"(?:\\\\.|[^\"\\\\])*\"|'(?:\\\\.|[^'\\\\])*'|(?:\\\\.|[^\\s\\\\])+)"

static char *
replace (const char *pattern, const char *text, const char *by)
{
  g_autoptr (GRegex) regex = g_regex_new (pattern, G_REGEX_RAW | G_REGEX_CASELESS, 0, NULL);

  return g_regex_replace (regex, text, -1, 0, by, 0, NULL);
}

char *
gh_redact (const char *text)
{
  g_autofree char *no_user = NULL, *no_query = NULL, *clean = NULL;

  if (!text)
    return NULL;
  /* PCRE gives up on absurdly long words; then nothing is better than a secret. */
  no_user = replace (USER, text, "\\1***@");
  no_query = no_user ? replace (QUERY, no_user, "\\1?***") : NULL;
  clean = no_query ? replace (SECRET, no_query, "\\1\\2***") : NULL;
  return clean ? camera_secret_redact (clean) : g_strdup ("***");
}

char *
gh_redact_to_host (const char *file_or_uri)
{
  g_autofree char *path = NULL, *base = NULL;
  const char *host = strstr (file_or_uri, "://");

  if (gst_uri_is_valid (file_or_uri) && host) {
    g_autofree char *clean = NULL;

    if (!(path = g_filename_from_uri (file_or_uri, NULL, NULL))) {
      clean = replace (USER, file_or_uri, "\\1");
      return g_strndup (clean, host + 3 - file_or_uri + strcspn (clean + (host + 3 - file_or_uri), "/?#"));
    }
  }
  base = g_path_get_basename (path ? path : file_or_uri);
  return g_filename_display_name (base);
}
