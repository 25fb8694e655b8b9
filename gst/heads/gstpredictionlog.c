/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * gstpredictionlog.c: writes predictions as JSON lines without ever hurting the stream they come from.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstpredictionlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "models/gh-json.h"

/* How often a write that waits for a pipe's reader looks whether it was cancelled. */
#define POLL_MS 50

struct _GstPredictionLog {
  gint fd;
  gboolean owns_fd, failed;
  gint cancelled;               /* atomic */
  gchar *location;
  GString *line;
};

/* The shortest of 15, 16, 17 digits that reads back as the same number. */
static void
append_number (GString *line, gdouble value)
{
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value)) {
    g_string_append (line, "null");
    return;
  }
  for (gint digits = 15; digits <= 17; digits++) {
    gchar format[8];

    g_snprintf (format, sizeof format, "%%.%dg", digits);
    g_ascii_formatd (text, sizeof text, format, value);
    if (g_ascii_strtod (text, NULL) == value)
      break;
  }
  g_string_append (line, text);
}

static void
append_string (GString *line, const gchar *text)
{
  g_autofree gchar *valid = g_utf8_make_valid (text ? text : "", -1);

  gh_json_append_string (line, valid);
}

static void
append_clock_time (GString *line, GstClockTime time)
{
  if (GST_CLOCK_TIME_IS_VALID (time))
    g_string_append_printf (line, "%" G_GUINT64_FORMAT, time);
  else
    g_string_append (line, "null");
}

/* ISO 8601 in UTC with milliseconds. */
static void
append_time (GString *line, gint64 microseconds)
{
  g_autoptr (GDateTime) second = g_date_time_new_from_unix_utc (microseconds / G_USEC_PER_SEC);
  g_autofree gchar *text = second ? g_date_time_format (second, "%Y-%m-%dT%H:%M:%S") : NULL;

  if (text)
    g_string_append_printf (line, "\"%s.%03dZ\"", text, (gint) (microseconds % G_USEC_PER_SEC / 1000));
  else
    g_string_append (line, "null");
}

static void
append_prediction (GString *line, const GstHeadPrediction *prediction)
{
  append_string (line, prediction->name);
  g_string_append (line, ":{\"kind\":");
  append_string (line, prediction->kind);
  g_string_append (line, ",\"value\":");
  append_number (line, prediction->value);
  g_string_append (line, ",\"unit\":");
  append_string (line, prediction->unit);
  g_string_append (line, ",\"text\":");
  append_string (line, prediction->text);
  g_string_append (line, ",\"confidence\":");
  append_number (line, prediction->confidence);
  g_string_append (line, ",\"head_id\":");
  append_string (line, prediction->head_id);
  g_string_append_c (line, '}');
}

void
gst_prediction_record_format (const GstPredictionRecord *record, GString *line)
{
  g_string_assign (line, "{\"time\":");
  append_time (line, record->time);
  g_string_append (line, ",\"pts_ns\":");
  append_clock_time (line, record->pts);
  g_string_append (line, ",\"running_time_ns\":");
  append_clock_time (line, record->running_time);
  g_string_append (line, ",\"model_id\":");
  if (record->model_id)
    append_string (line, record->model_id);
  else
    g_string_append (line, "null");
  g_string_append (line, ",\"predictions\":{");
  for (guint i = 0; i < record->n; i++) {
    if (i > 0)
      g_string_append_c (line, ',');
    append_prediction (line, &record->predictions[i]);
  }
  g_string_append (line, "}}\n");
}

static void
set_file_error (GError **error, const gchar *what, const gchar *location, gint code)
{
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (code), "%s %s: %s", what,
      g_str_equal (location, "-") ? "standard output" : location, g_strerror (code));
}

static gint
open_file (const gchar *location, gboolean append, GError **error)
{
  struct stat info;
  gint fd, flags;

  /* Without O_NONBLOCK a named pipe that nobody reads would hold the state change up for ever. */
  fd = g_open (location, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (append ? O_APPEND : 0), 0666);
  if (fd < 0 && errno == ENXIO) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NXIO, "Nobody reads the pipe %s; start its reader first", location);
    return -1;
  }
  if (fd < 0) {
    set_file_error (error, "Could not open", location, errno);
    return -1;
  }
  flags = fcntl (fd, F_GETFL);
  if (fstat (fd, &info) < 0 || flags < 0 || fcntl (fd, F_SETFL, flags & ~O_NONBLOCK) < 0
      || (S_ISREG (info.st_mode) && !append && ftruncate (fd, 0) < 0)) {
    set_file_error (error, "Could not open", location, errno);
    close (fd);
    return -1;
  }
  return fd;
}

GstPredictionLog *
gst_prediction_log_open (const gchar *location, gboolean append, GError **error)
{
  gboolean is_stdout = g_str_equal (location, "-");
  gint fd = is_stdout ? STDOUT_FILENO : open_file (location, append, error);
  GstPredictionLog *log;

  if (fd < 0)
    return NULL;
  log = g_new0 (GstPredictionLog, 1);
  log->fd = fd;
  log->owns_fd = !is_stdout;
  log->location = g_strdup (location);
  log->line = g_string_sized_new (512);
  return log;
}

/* write() that reports a closed pipe as EPIPE in any process, whatever it does about SIGPIPE. */
static gssize
write_quietly (gint fd, const gchar *data, gsize size)
{
  const struct timespec now = { 0, 0 };
  sigset_t pipe_signal, pending, old;
  gboolean was_pending;
  gssize written;
  gint code;

  sigemptyset (&pipe_signal);
  sigaddset (&pipe_signal, SIGPIPE);
  sigpending (&pending);
  was_pending = sigismember (&pending, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &pipe_signal, &old);
  written = write (fd, data, size);
  code = errno;
  if (written < 0 && code == EPIPE && !was_pending)
    while (sigtimedwait (&pipe_signal, NULL, &now) < 0 && errno == EINTR);
  pthread_sigmask (SIG_SETMASK, &old, NULL);
  errno = code;
  return written;
}

/* Waits until fd takes PIPE_BUF bytes without blocking; FALSE when cancelled. An error shows at the next write. */
static gboolean
wait_writable (GstPredictionLog *log)
{
  struct pollfd poll_fd = { .fd = log->fd, .events = POLLOUT };

  while (!g_atomic_int_get (&log->cancelled)) {
    gint ready = poll (&poll_fd, 1, POLL_MS);

    if (ready > 0 || (ready < 0 && errno != EINTR))
      return TRUE;
  }
  return FALSE;
}

/* A line cut short by a full disk would not parse: takes it back where the file allows it. */
static void
take_back (GstPredictionLog *log, gsize bytes)
{
  struct stat info;
  off_t end;

  if (bytes == 0 || !log->owns_fd || fstat (log->fd, &info) < 0 || !S_ISREG (info.st_mode))
    return;
  end = lseek (log->fd, 0, SEEK_CUR);
  if (end >= (off_t) bytes && end == info.st_size && ftruncate (log->fd, end - bytes) < 0)
    GST_WARNING ("%s ends in half a line: %s", log->location, g_strerror (errno));
}

gboolean
gst_prediction_log_write (GstPredictionLog *log, const GstPredictionRecord *record, GError **error)
{
  gsize done = 0;

  if (log->failed)
    return FALSE;
  gst_prediction_record_format (record, log->line);
  while (done < log->line->len) {
    gsize left = log->line->len - done;
    gssize written;

    if (!wait_writable (log))
      return FALSE;
    written = write_quietly (log->fd, log->line->str + done, MIN (left, PIPE_BUF));
    if (written >= 0) {
      done += written;
    } else if (errno != EINTR && errno != EAGAIN) {
      set_file_error (error, "Could not write predictions to", log->location, errno);
      take_back (log, done);
      log->failed = TRUE;
      return FALSE;
    }
  }
  return TRUE;
}

void
gst_prediction_log_cancel (GstPredictionLog *log)
{
  g_atomic_int_set (&log->cancelled, TRUE);
}

gboolean
gst_prediction_log_close (GstPredictionLog *log, GError **error)
{
  gboolean closed = TRUE;

  if (log == NULL)
    return TRUE;
  if (log->owns_fd && close (log->fd) < 0 && errno != EINTR && !log->failed) {
    set_file_error (error, "Could not finish", log->location, errno);
    closed = FALSE;
  }
  g_string_free (log->line, TRUE);
  g_free (log->location);
  g_free (log);
  return closed;
}
