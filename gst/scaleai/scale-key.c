/* SPDX-License-Identifier: LGPL-2.1-or-later
 * scale-key.c: see scale-key.h. */
#include "scale-key.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* No key is longer; a file that is has been mistaken for one. */
enum { MAX_KEY_BYTES = 512, MIN_KEY_BYTES = 8 };

struct _ScaleKey {
  gchar *plain;
  gchar *authorization;
};

static void
wipe (gchar *secret)
{
  if (secret)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

static gboolean
is_key (const gchar *text)
{
  gsize length = strlen (text);

  for (const gchar *at = text; *at; at++)
    if (!g_ascii_isgraph (*at) || *at == ':')
      return FALSE;
  return length >= MIN_KEY_BYTES && length <= MAX_KEY_BYTES;
}

/* Takes the text. */
static ScaleKey *
take (gchar *plain, const gchar *where, GError **error)
{
  ScaleKey *key;
  g_autofree gchar *pair = NULL, *coded = NULL;

  g_strstrip (plain);
  if (!is_key (plain)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s holds no API key: a key is one word of %d to %d letters, "
        "digits and signs. Copy it from the settings of your account at Scale AI", where, MIN_KEY_BYTES, MAX_KEY_BYTES);
    wipe (plain);
    return NULL;
  }
  key = g_new0 (ScaleKey, 1);
  pair = g_strconcat (plain, ":", NULL);
  coded = g_base64_encode ((const guchar *) pair, strlen (pair));
  key->plain = plain;
  key->authorization = g_strconcat ("Basic ", coded, NULL);
  explicit_bzero (pair, strlen (pair));
  explicit_bzero (coded, strlen (coded));
  return key;
}

static ScaleKey *
load_file (const gchar *file, gboolean *exposed, GError **error)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (GFile) handle = g_file_new_for_path (file);
  g_autoptr (GFileInputStream) stream = g_file_read (handle, NULL, &problem);
  gchar *text = g_new0 (gchar, MAX_KEY_BYTES + 2);
  g_autofree gchar *where = g_strdup_printf ("The key-file %s", file);
  gsize size = 0;
  struct stat state;

  if (stream == NULL || !g_input_stream_read_all (G_INPUT_STREAM (stream), text, MAX_KEY_BYTES + 1, &size, NULL, &problem)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "%s cannot be read: %s", where, problem->message);
    wipe (text);
    return NULL;
  }
  *exposed = stat (file, &state) == 0 && (state.st_mode & (S_IRWXG | S_IRWXO)) != 0;
  text[strcspn (text, "\r\n")] = 0;
  return take (text, where, error);
}

ScaleKey *
scale_key_load (const gchar *file, const gchar *variable, gboolean *exposed, GError **error)
{
  const gchar *value = g_getenv (variable);
  g_autofree gchar *where = g_strdup_printf ("The environment variable %s", variable);
  gboolean ignored;

  if (exposed == NULL)
    exposed = &ignored;
  *exposed = FALSE;
  if (file && *file)
    return load_file (file, exposed, error);
  if (value && *value)
    return take (g_strdup (value), where, error);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no API key: set the environment variable %s, or key-file to "
      "a file that holds the key", variable);
  return NULL;
}

void
scale_key_free (ScaleKey *key)
{
  if (key == NULL)
    return;
  wipe (key->plain);
  wipe (key->authorization);
  g_free (key);
}

gboolean
scale_key_is_live (const ScaleKey *key)
{
  return !g_str_has_prefix (key->plain, "test_") && !g_str_has_suffix (key->plain, "|test");
}

const gchar *
scale_key_authorization (const ScaleKey *key)
{
  return key->authorization;
}

static gchar *
without (const gchar *text, const gchar *secret)
{
  g_auto (GStrv) parts = g_strsplit (text, secret, -1);

  return g_strjoinv ("<key>", parts);
}

gchar *
scale_key_redact (const ScaleKey *key, const gchar *text)
{
  g_autofree gchar *first = without (text, key->plain);

  return without (first, key->authorization + strlen ("Basic "));
}
