/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gh-model-path.c: where shipped models and configurations lie: $GST_HEADS_MODEL_PATH, then the installed data folder.
 */
#include "gh-mae-config.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"

#define MAX_CONFIG (1 << 16)    /* bytes of a configuration file */

char *
gh_model_search_path (void)
{
  const char *path = g_getenv ("GST_HEADS_MODEL_PATH");

  return path && *path ? g_strdup_printf ("%s" G_SEARCHPATH_SEPARATOR_S GH_DATA_DIR "/models", path) :
      g_strdup (GH_DATA_DIR "/models");
}

/* Something is there under this name; a folder counts only when it was clearly meant. */
static gboolean
is_path (const char *name)
{
  return g_file_test (name, G_FILE_TEST_EXISTS) && (strchr (name, '/') || !g_file_test (name, G_FILE_TEST_IS_DIR));
}

/* suffixes: in the order of preference, NULL-terminated. */
static char *
find (const char *name, const char *const *suffixes)
{
  g_autofree char *path = NULL;
  g_auto (GStrv) folders = NULL;

  if (!name || !*name)
    return NULL;
  if (is_path (name))
    return g_strdup (name);
  if (strchr (name, '/'))
    return NULL;
  path = gh_model_search_path ();
  folders = g_strsplit (path, G_SEARCHPATH_SEPARATOR_S, -1);
  for (char **folder = folders; *folder; folder++) {
    for (const char *const *suffix = suffixes; **folder && *suffix; suffix++) {
      g_autofree char *file = g_strconcat (*folder, "/", name, *suffix, NULL);

      if (g_file_test (file, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&file);
    }
  }
  return NULL;
}

char *
gh_model_find (const char *name)
{
  static const char *const suffixes[] = { "", ".safetensors", ".json", NULL };

  return find (name, suffixes);
}

/* Everything in the file, terminated; what cannot be a configuration is refused before it is read. */
static char *
read_text (const char *path, const char *shown, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) failure = NULL;
  GStatBuf st;
  gsize size;

  if (g_stat (path, &st) == 0 && (!S_ISREG (st.st_mode) || st.st_size > MAX_CONFIG)) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s: not a model configuration: %s", shown,
        S_ISREG (st.st_mode) ? "it is too large" : "it is not a regular file");
    return NULL;
  }
  if (!g_file_get_contents (path, &text, &size, &failure)) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s: cannot be read: %s", shown, failure->message);
    return NULL;
  }
  if (strlen (text) != size) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s: not a model configuration: it holds NUL bytes", shown);
    return NULL;
  }
  return g_steal_pointer (&text);
}

gboolean
gh_mae_config_load (GhMaeConfig *config, const char *name, GError **error)
{
  static const char *const suffixes[] = { "", ".json", NULL };
  g_autofree char *path = find (name, suffixes), *shown = NULL, *text = NULL;

  if (!path) {
    g_autofree char *folders = gh_model_search_path ();

    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "%s: no such model configuration, neither as a file nor as "
        "%s.json in %s", name ? name : "(none)", name ? name : "NAME", folders);
    return FALSE;
  }
  shown = g_filename_display_name (path);
  text = read_text (path, shown, error);
  return text && gh_mae_config_from_json (config, text, shown, error);
}
