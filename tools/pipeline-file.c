/* SPDX-License-Identifier: LGPL-2.1-or-later
 * pipeline-file.c: comments, variables and quoting of *.pipeline files; see the header for the rules.
 *
 * One walk over the text does everything. Its first run, with values NULL, only collects the variables; later runs
 * write the expanded text.
 */
#include "pipeline-file.h"
#include "config.h"
#include "models/gh-error.h"

#include <stdio.h>
#include <string.h>

#define MAX_BYTES (1 << 20)
#define MAX_DEPTH 16

typedef struct {
  GhPipelineFile *file;
  GHashTable *values;           /* NULL while collecting */
  GString *out;
  int line;
  int depth;                    /* of defaults inside defaults */
  gboolean one_word;            /* everything written is part of one escaped word */
  GError **error;
} Walk;

static gboolean walk_text (Walk *walk, const char *text, gsize length);

static gboolean
fail (Walk *walk, const char *format, ...)
{
  va_list args;
  g_autofree char *what = NULL;
  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (walk->error, GH_ERROR, GH_ERROR_CORRUPT, "%s:%d: %s", walk->file->path, walk->line, what);
  return FALSE;
}

static GhPipelineVar *
find_var (const GhPipelineFile *file, const char *name)
{
  for (guint i = 0; i < file->vars->len; i++) {
    GhPipelineVar *var = g_ptr_array_index (file->vars, i);
    if (g_str_equal (var->name, name))
      return var;
  }
  return NULL;
}

/* The signs that mean nothing to the launch syntax inside a word. Those of caps stay too: caps are not unescaped. */
static gboolean
is_plain (char c)
{
  return (guchar) c >= 0x80 || g_ascii_isalnum (c) || strchr ("_-./:,=+%@~*?&#^()[]$", c) != NULL;
}

static void
put_escaped (GString *out, char c)
{
  if (!is_plain (c))
    g_string_append_c (out, '\\');
  g_string_append_c (out, c);
}

/* GStreamer takes the longest word it can: a backslash before a blank would join what follows, escaped or not. */
static gboolean
check_word_end (Walk *walk, gsize before)
{
  if (walk->out->len > before && walk->out->str[walk->out->len - 1] == '\\')
    return fail (walk, "a value or a quoted string cannot end in a backslash");
  return TRUE;
}

static gboolean
put_value (Walk *walk, const char *name, const char *value)
{
  for (const char *p = value; *p; p++) {
    if ((guchar) *p < 0x20 || *p == 0x7f)
      return fail (walk, "the value of %s holds a control character or a line break", name);
    put_escaped (walk->out, *p);
  }
  return TRUE;
}

/* Writes the value of a variable; rest is what follows its closing brace. */
static gboolean
put_variable (Walk *walk, const GhPipelineVar *var, gboolean raw, const char *rest)
{
  const char *value = g_hash_table_lookup (walk->values, var->name);
  gsize before = walk->out->len;
  if (value && raw) {
    g_string_append (walk->out, value);
  } else if (value) {
    if (!put_value (walk, var->name, value))
      return FALSE;
  } else if (var->fallback) {
    gboolean outer = walk->one_word;
    int line = walk->line;
    walk->one_word = !raw;
    walk->depth++;
    if (walk->depth > MAX_DEPTH)
      return fail (walk, "the default of %s refers to itself", var->name);
    if (!walk_text (walk, var->fallback, strlen (var->fallback)))
      return FALSE;
    walk->depth--;
    walk->one_word = outer;
    walk->line = line;
  } else {
    return fail (walk, "the variable %s needs a value: add %s=... to the command", var->name, var->name);
  }
  if (!raw && !check_word_end (walk, before))
    return FALSE;
  /* "location=" followed by nothing would take the next word, even "!", as its value. */
  if (walk->out->len == before && before > 0 && walk->out->str[before - 1] == '='
      && (*rest == '\0' || g_ascii_isspace (*rest)))
    g_string_append (walk->out, "\"\"");
  return TRUE;
}

/* The end of a default: the matching brace. NULL when there is none before end. */
static const char *
default_end (const char *p, const char *end)
{
  int open = 1;
  for (; p < end; p++) {
    if (*p == '\\' && p + 1 < end)
      p++;
    else if (*p == '$' && p + 1 < end && p[1] == '{')
      open++;
    else if (*p == '}' && --open == 0)
      return p;
  }
  return NULL;
}

static int
count_lines (const char *p, const char *end)
{
  int n = 0;
  for (; p < end; p++)
    n += *p == '\n';
  return n;
}

/* p points at "${". Returns where to go on, or NULL after an error. */
static const char *
walk_variable (Walk *walk, const char *p, const char *end)
{
  gboolean raw = p + 2 < end && p[2] == '@';
  const char *start = p + 2 + raw, *name_end = start, *close;
  g_autofree char *name = NULL;
  GhPipelineVar *var;

  while (name_end < end && (*name_end == '_' || g_ascii_isalnum (*name_end)))
    name_end++;
  if (name_end == start || g_ascii_isdigit (*start)) {
    fail (walk, "after ${ comes a name of letters, digits and _; write $$ for a plain dollar sign");
    return NULL;
  }
  name = g_strndup (start, name_end - start);
  close = name_end;
  if (close + 1 < end && close[0] == ':' && close[1] == '-')
    close = default_end (name_end + 2, end);
  if (!close || close >= end || *close != '}') {
    fail (walk, "${%s has no closing brace, or something else than :- and a default before it", name);
    return NULL;
  }

  var = find_var (walk->file, name);
  if (!var) {
    var = g_new0 (GhPipelineVar, 1);
    var->name = g_strdup (name);
    var->line = walk->line;
    g_ptr_array_add (walk->file->vars, var);
  }
  if (raw && walk->one_word) {
    fail (walk, "${@%s} cannot stand inside quotes or inside the default of a plain variable", name);
    return NULL;
  }
  if (!walk->values) {
    gboolean outer = walk->one_word;
    if (++walk->depth > MAX_DEPTH) {
      fail (walk, "defaults stand inside defaults more than %d deep", MAX_DEPTH);
      return NULL;
    }
    walk->one_word = !raw;
    if (close > name_end && !var->fallback)
      var->fallback = g_strndup (name_end + 2, close - name_end - 2);
    if (close > name_end && !walk_text (walk, name_end + 2, close - name_end - 2))
      return NULL;
    walk->one_word = outer;
    walk->depth--;
  } else {
    if (!put_variable (walk, var, raw, close + 1 < end ? close + 1 : ""))
      return NULL;
    walk->line += count_lines (p, close);
  }
  return close + 1;
}

/* The closing quote of the string that opens at p; *has_variable says whether it needs rewriting. */
static const char *
quote_end (const char *p, const char *end, gboolean *has_variable)
{
  *has_variable = FALSE;
  for (p++; p < end; p++) {
    if (*p == '\\' && p + 1 < end)
      p++;
    else if (*p == '"')
      return p;
    else if (*p == '$')
      *has_variable = TRUE;
  }
  return NULL;
}

/* p points at an opening quote. Returns where to go on, or NULL after an error. */
static const char *
walk_quoted (Walk *walk, const char *p, const char *end)
{
  gboolean has_variable;
  const char *close = quote_end (p, end, &has_variable);
  gsize before = walk->out->len;
  if (!close) {
    fail (walk, "this quotation mark is never closed");
    return NULL;
  }
  if (!has_variable) {
    g_string_append_len (walk->out, p, close + 1 - p);
    walk->line += count_lines (p, close);
    return close + 1;
  }
  walk->one_word = TRUE;
  if (!walk_text (walk, p + 1, close - p - 1) || !check_word_end (walk, before))
    return NULL;
  walk->one_word = FALSE;
  if (walk->out->len == before)
    g_string_append (walk->out, "\"\"");
  return close + 1;
}

/* One step of a word: its text is literal but for variables, and comes out escaped. */
static const char *
walk_word_char (Walk *walk, const char *p, const char *end)
{
  if (*p == '\\' && p + 1 < end)
    p++;
  if (*p == '\n') {
    fail (walk, "a default, or a quoted string with a variable in it, must stay on one line");
    return NULL;
  }
  put_escaped (walk->out, *p);
  return p + 1;
}

static const char *
walk_plain_char (Walk *walk, const char *p, const char *end, const char *begin)
{
  if (*p == '#' && (p == begin || g_ascii_isspace (p[-1]))) {
    while (p < end && *p != '\n')
      p++;
    return p;
  }
  if (*p == '\\' && p + 1 < end) {
    gsize n = p[1] == '\r' && p + 2 < end && p[2] == '\n' ? 3 : 2;
    if (p[n - 1] == '\n') {
      walk->line++;
      g_string_append (walk->out, "\n");
    } else {
      g_string_append_len (walk->out, p, n);
    }
    return p + n;
  }
  walk->line += *p == '\n';
  g_string_append_c (walk->out, *p);
  return p + 1;
}

static gboolean
walk_text (Walk *walk, const char *text, gsize length)
{
  const char *p = text, *end = text + length;
  while (p && p < end) {
    if (*p == '$' && p + 1 < end && p[1] == '{') {
      p = walk_variable (walk, p, end);
    } else if (*p == '$' && p + 1 < end && p[1] == '$') {
      g_string_append_c (walk->out, '$');
      p += 2;
    } else if (*p == '$') {
      return fail (walk, "write ${NAME} for a variable and $$ for a plain dollar sign");
    } else if (walk->one_word) {
      p = walk_word_char (walk, p, end);
    } else if (*p == '"') {
      p = walk_quoted (walk, p, end);
    } else {
      p = walk_plain_char (walk, p, end, text);
    }
  }
  return p != NULL;
}

static char *
top_comments (const char *text)
{
  GString *about = g_string_new (NULL);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (char **line = lines; *line && (*line)[0] == '#'; line++) {
    const char *words = *line + 1;
    if (line == lines && (g_str_has_prefix (words, "!") || strstr (words, "SPDX-License-Identifier")))
      continue;
    g_string_append_printf (about, "%s\n", *words == ' ' ? words + 1 : words);
  }
  return g_strchomp (g_string_free (about, FALSE));
}

static void
var_free (gpointer data)
{
  GhPipelineVar *var = data;
  g_free (var->name);
  g_free (var->fallback);
  g_free (var);
}

GhPipelineFile *
gh_pipeline_file_parse (const char *path, const char *text, GError **error)
{
  g_autoptr (GhPipelineFile) file = g_new0 (GhPipelineFile, 1);
  g_autoptr (GString) ignored = g_string_new (NULL);
  Walk walk = { .file = file, .out = ignored, .line = 1, .error = error };
  file->path = g_strdup (path);
  file->text = g_strdup (text);
  file->vars = g_ptr_array_new_with_free_func (var_free);
  if (!g_utf8_validate (text, -1, NULL)) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s is not a text in UTF-8", path);
    return NULL;
  }
  file->about = top_comments (text);
  if (!walk_text (&walk, text, strlen (text)))
    return NULL;
  return g_steal_pointer (&file);
}

void
gh_pipeline_file_free (GhPipelineFile *file)
{
  if (!file)
    return;
  g_free (file->path);
  g_free (file->text);
  g_free (file->about);
  if (file->vars)
    g_ptr_array_unref (file->vars);
  g_free (file);
}

char **
gh_pipeline_folders (void)
{
  GPtrArray *folders = g_ptr_array_new ();
  const char *env = g_getenv ("GST_HEADS_PIPELINE_PATH");
  g_ptr_array_add (folders, g_strdup ("."));
  if (env) {
    g_auto (GStrv) parts = g_strsplit (env, G_SEARCHPATH_SEPARATOR_S, -1);
    for (char **part = parts; *part; part++)
      if (**part)
        g_ptr_array_add (folders, g_strdup (*part));
  }
  g_ptr_array_add (folders, g_build_filename (GH_DATA_DIR, "pipelines", NULL));
  g_ptr_array_add (folders, NULL);
  return (char **) g_ptr_array_free (folders, FALSE);
}

/* The path `name` stands for, NULL when no folder has it. */
static char *
find_file (const char *name)
{
  g_auto (GStrv) folders = NULL;
  if (strchr (name, '/'))
    return g_strdup (name);
  folders = gh_pipeline_folders ();
  for (char **folder = folders; *folder; folder++) {
    g_autofree char *with_suffix = g_strconcat (name, ".pipeline", NULL);
    const char *tries[] = { name, with_suffix };
    for (guint i = 0; i < G_N_ELEMENTS (tries); i++) {
      char *path = g_str_equal (*folder, ".") ? g_strdup (tries[i]) : g_build_filename (*folder, tries[i], NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS) && !g_file_test (path, G_FILE_TEST_IS_DIR))
        return path;
      g_free (path);
    }
  }
  return NULL;
}

static char *
read_bounded (FILE *stream, const char *path, GError **error)
{
  g_autofree char *text = g_malloc (MAX_BYTES + 1);
  gsize length = fread (text, 1, MAX_BYTES, stream);
  if (ferror (stream)) {
    g_set_error (error, GH_ERROR, GH_ERROR_OPEN, "%s cannot be read", path);
    return NULL;
  }
  text[length] = '\0';
  if (length == MAX_BYTES || strlen (text) != length) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s is no pipeline file: it %s", path,
        length == MAX_BYTES ? "is larger than 1 MiB" : "holds zero bytes");
    return NULL;
  }
  return g_steal_pointer (&text);
}

GhPipelineFile *
gh_pipeline_file_load (const char *name, GError **error)
{
  g_autofree char *path = NULL, *text = NULL;
  FILE *stream;
  if (g_str_equal (name, "-")) {
    path = g_strdup ("standard input");
    text = read_bounded (stdin, path, error);
    return text ? gh_pipeline_file_parse (path, text, error) : NULL;
  }
  path = find_file (name);
  if (!path) {
    g_auto (GStrv) folders = gh_pipeline_folders ();
    g_autofree char *searched = g_strjoinv (", ", folders);
    g_set_error (error, GH_ERROR, GH_ERROR_NOT_FOUND, "there is no pipeline file %s (searched: %s)", name, searched);
    return NULL;
  }
  stream = fopen (path, "re");
  if (!stream) {
    g_set_error (error, GH_ERROR, g_file_test (path, G_FILE_TEST_EXISTS) ? GH_ERROR_OPEN : GH_ERROR_NOT_FOUND,
        "%s cannot be opened: %m", path);
    return NULL;
  }
  text = read_bounded (stream, path, error);
  fclose (stream);
  return text ? gh_pipeline_file_parse (path, text, error) : NULL;
}

static gboolean
check_names (const GhPipelineFile *file, GHashTable *values, GError **error)
{
  GHashTableIter iter;
  gpointer name;
  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &name, NULL)) {
    g_autoptr (GString) known = NULL;
    if (find_var (file, name))
      continue;
    known = g_string_new (NULL);
    for (guint i = 0; i < file->vars->len; i++)
      g_string_append_printf (known, "%s%s", i ? ", " : "", ((GhPipelineVar *) file->vars->pdata[i])->name);
    g_set_error (error, GH_ERROR, GH_ERROR_UNSUITABLE, "%s has no variable %s; it has %s", file->path, (char *) name,
        known->len ? known->str : "none");
    return FALSE;
  }
  return TRUE;
}

char *
gh_pipeline_file_expand (const GhPipelineFile *file, GHashTable *values, GError **error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  Walk walk = { .file = (GhPipelineFile *) file, .values = values, .out = out, .line = 1, .error = error };
  if (!check_names (file, values, error) || !walk_text (&walk, file->text, strlen (file->text)))
    return NULL;
  if (strspn (out->str, " \t\r\n") == out->len) {
    g_set_error (error, GH_ERROR, GH_ERROR_CORRUPT, "%s holds no pipeline", file->path);
    return NULL;
  }
  return g_strstrip (g_string_free (g_steal_pointer (&out), FALSE));
}

static gboolean
is_word_char (char c)
{
  return g_ascii_isalnum (c) || c == '_' || c == '-';
}

int
gh_pipeline_file_line_of (const GhPipelineFile *file, const char *word)
{
  g_auto (GStrv) lines = g_strsplit (file->text, "\n", -1);
  gsize length = strlen (word);
  for (int i = 0; lines[i]; i++) {
    const char *line = lines[i], *hash = *line == '#' ? line : strstr (line, " #");
    for (const char *p = strstr (line, word); p && (!hash || p < hash); p = strstr (p + 1, word))
      if ((p == line || !is_word_char (p[-1])) && !is_word_char (p[length]))
        return i + 1;
  }
  return 0;
}
