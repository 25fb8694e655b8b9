/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscalesender.c: see gstscalesender.h. One thread with a main context of its own owns all of the network; the catalogue
 * is borrowed from the writer for one statement or a few at a time. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstscalesender.h"
#include "scale-upload.h"

#include <glib/gstdio.h>
#include <string.h>

/* Failures in a row after which nothing is sent for a while; refusals in a row after which they are taken for a halt. */
enum { FAILURES_OF_AN_OUTAGE = 3, REFUSALS_OF_A_HALT = 3 };

#define FIRST_HALT (30 * G_TIME_SPAN_SECOND)
#define LONGEST_HALT (10 * G_TIME_SPAN_MINUTE)

struct _GstScaleSender {
  GstElement *element;
  GstDatasetWriter *writer;
  gchar *service, *project;
  GstScaleSenderSettings set;   /* its strings are the two above */
  ScaleApi *api;
  GstScaleTasks *tasks;         /* or NULL */
  GMainContext *context;
  GThread *thread;

  /* The thread's. */
  GHashTable *under_way;        /* upload's id -> Flight */
  GSource *alarm;               /* when the next thing is due */
  gint64 closed_until;          /* monotonic: nothing is sent before */
  gint64 halt;                  /* the next halt's length */
  guint failures, refusals;     /* in a row */
  gboolean sending;             /* until the outbox is empty */
  enum { FINE, DELAYED, HALTED } state;         /* what the bus knows */
  gint64 next_due;              /* real time, of what was put off; G_MAXINT64: none */

  GMutex lock;                  /* for what follows */
  GCond changed;
  gboolean stopping, flushing, draining, idle, halted;
  guint fresh;                  /* journaled since the last burst */
  gint64 first_fresh;           /* monotonic, of the first of them */
  guint64 pending, sent, already, refused, retries, bytes;
  gchar *problem;               /* the last one */
};

/* One upload under way. */
typedef struct {
  GstScaleSender *sender;
  gint64 id, captured_at;
  gchar *reference, *frame, *path, *sha256, *metadata;
  guint attempts;
  gint64 began;
  gsize bytes;
} Flight;

static void
flight_free (gpointer data)
{
  Flight *flight = data;

  g_free (flight->reference);
  g_free (flight->frame);
  g_free (flight->path);
  g_free (flight->sha256);
  g_free (flight->metadata);
  g_free (flight);
}

static CatalogueDestination
destination (const GstScaleSender *sender)
{
  return (CatalogueDestination) { sender->service, sender->project };
}

static gboolean
is_stopping (GstScaleSender *sender)
{
  gboolean stopping;

  g_mutex_lock (&sender->lock);
  stopping = sender->stopping;
  g_mutex_unlock (&sender->lock);
  return stopping;
}

/* ---- telling ----------------------------------------------------------------------------------------------------------- */

static void
post (GstScaleSender *sender, GstStructure *structure)
{
  gst_element_post_message (sender->element, gst_message_new_element (GST_OBJECT (sender->element), structure));
}

static void
count (GstScaleSender *sender, guint64 *counter, guint64 by)
{
  g_mutex_lock (&sender->lock);
  *counter += by;
  g_mutex_unlock (&sender->lock);
}

static void
count_settled (GstScaleSender *sender, guint64 *counter)
{
  g_mutex_lock (&sender->lock);
  ++*counter;
  if (sender->pending > 0)
    sender->pending--;
  g_mutex_unlock (&sender->lock);
}

static void
remember (GstScaleSender *sender, const gchar *problem, gboolean halted)
{
  g_mutex_lock (&sender->lock);
  g_free (sender->problem);
  sender->problem = g_strdup (problem);
  sender->halted = halted;
  g_mutex_unlock (&sender->lock);
}

/* A catalogue that cannot be written is the writer's trouble too, which says so on the bus. */
static void
complain (GstScaleSender *sender, const GError *error)
{
  if (error == NULL)
    return;
  GST_WARNING_OBJECT (sender->element, "%s", error->message);
  remember (sender, error->message, FALSE);
}

static void
begin_trouble (GstScaleSender *sender, const gchar *problem, gint64 pause, gboolean halted)
{
  sender->closed_until = MAX (sender->closed_until, g_get_monotonic_time () + pause);
  remember (sender, problem, halted);
  if (sender->state >= (halted ? HALTED : DELAYED))
    return;
  sender->state = halted ? HALTED : DELAYED;
  post (sender, gst_structure_new ("scale-upload-trouble", "problem", G_TYPE_STRING, problem, "retry-in", G_TYPE_UINT64,
          (guint64) pause * 1000, "halted", G_TYPE_BOOLEAN, halted, NULL));
  if (halted)
    GST_ELEMENT_WARNING (sender->element, RESOURCE, NOT_AUTHORIZED, ("Nothing is uploaded to \"%s\" for now: %s", sender->project,
            problem), ("%" G_GINT64_FORMAT " s until the next attempt; frames are kept meanwhile", pause / G_TIME_SPAN_SECOND));
}

static void
end_trouble (GstScaleSender *sender)
{
  sender->failures = sender->refusals = 0;
  sender->halt = FIRST_HALT;
  if (sender->state == FINE)
    return;
  sender->state = FINE;
  remember (sender, NULL, FALSE);
  post (sender, gst_structure_new_empty ("scale-upload-resumed"));
}

static void
halt (GstScaleSender *sender, const gchar *problem)
{
  begin_trouble (sender, problem, sender->halt, TRUE);
  sender->halt = MIN (2 * sender->halt, LONGEST_HALT);
}

/* ---- what became of an upload ---------------------------------------------------------------------------------------------- */

static void
set_sent (Flight *flight, const gchar *url, const gchar *remote_id, gboolean already)
{
  GstScaleSender *sender = flight->sender;
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = gst_dataset_writer_borrow (sender->writer);

  catalogue_upload_sent (catalogue, flight->id, url, remote_id, &error);
  gst_dataset_writer_give_back (sender->writer);
  complain (sender, error);
  count_settled (sender, already ? &sender->already : &sender->sent);
  count (sender, &sender->bytes, already ? 0 : flight->bytes);
  post (sender, gst_structure_new ("scale-uploaded", "reference", G_TYPE_STRING, flight->reference, "frame", G_TYPE_STRING,
          flight->frame, "path", G_TYPE_STRING, flight->path, "attachment-url", G_TYPE_STRING, url, "remote-id",
          G_TYPE_STRING, remote_id, "already", G_TYPE_BOOLEAN, already, "bytes", G_TYPE_UINT64, (guint64) flight->bytes,
          "seconds", G_TYPE_DOUBLE, (g_get_monotonic_time () - flight->began) / (gdouble) G_TIME_SPAN_SECOND, NULL));
  end_trouble (sender);
}

static void
set_refused (Flight *flight, const gchar *problem)
{
  GstScaleSender *sender = flight->sender;
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = gst_dataset_writer_borrow (sender->writer);

  catalogue_upload_refused (catalogue, flight->id, problem, &error);
  gst_dataset_writer_give_back (sender->writer);
  complain (sender, error);
  count_settled (sender, &sender->refused);
  post (sender, gst_structure_new ("scale-upload-refused", "reference", G_TYPE_STRING, flight->reference, "frame", G_TYPE_STRING,
          flight->frame, "path", G_TYPE_STRING, flight->path, "problem", G_TYPE_STRING, problem, NULL));
}

static void
put_off (Flight *flight, gint64 pause, const gchar *problem)
{
  GstScaleSender *sender = flight->sender;
  g_autoptr (GError) error = NULL;
  Catalogue *catalogue = gst_dataset_writer_borrow (sender->writer);

  catalogue_upload_put_off (catalogue, flight->id, g_get_real_time () + pause, problem, &error);
  gst_dataset_writer_give_back (sender->writer);
  complain (sender, error);
  count (sender, &sender->retries, 1);
}

static void
fail_for_now (Flight *flight, const ScaleReply *reply)
{
  GstScaleSender *sender = flight->sender;

  put_off (flight, scale_api_pause (flight->attempts + 1, reply), reply->problem);
  sender->failures++;
  if (sender->failures >= FAILURES_OF_AN_OUTAGE)
    begin_trouble (sender, reply->problem, scale_api_pause (sender->failures - FAILURES_OF_AN_OUTAGE + 1, reply), FALSE);
  else if (reply->retry_after > 0)      /* the service asks for it, not this upload's luck */
    sender->closed_until = MAX (sender->closed_until, g_get_monotonic_time () + scale_api_pause (1, reply));
  else
    remember (sender, reply->problem, FALSE);
}

/* One frame that is refused is that frame's fault; several in a row, with nothing accepted between them, are not. */
static void
refuse (Flight *flight, const ScaleReply *reply)
{
  GstScaleSender *sender = flight->sender;

  if (++sender->refusals < REFUSALS_OF_A_HALT) {
    set_refused (flight, reply->problem);
    return;
  }
  put_off (flight, sender->halt, reply->problem);
  halt (sender, reply->problem);
}

static void
on_reply (ScaleReply *reply, gpointer data)
{
  Flight *flight = data;
  GstScaleSender *sender = flight->sender;
  const gchar *url, *id;

  scale_upload_judge (sender->service, reply, &url, &id);
  GST_DEBUG_OBJECT (sender->element, "%s: HTTP %u, %s", flight->path, reply->status, reply->problem ? reply->problem : "done");
  if (is_stopping (sender) && reply->verdict != SCALE_OK && reply->verdict != SCALE_CONFLICT) {
    /* given up: the journal has it as it was */
  } else if (reply->verdict == SCALE_OK || reply->verdict == SCALE_CONFLICT) {
    set_sent (flight, url, id, reply->verdict == SCALE_CONFLICT);
  } else if (reply->verdict == SCALE_RETRY) {
    fail_for_now (flight, reply);
  } else if (reply->verdict == SCALE_REFUSED) {
    refuse (flight, reply);
  } else {
    put_off (flight, sender->halt, reply->problem);
    halt (sender, reply->problem);
  }
  g_hash_table_remove (sender->under_way, &flight->id);
}

/* ---- sending ----------------------------------------------------------------------------------------------------------- */

typedef struct {
  GstScaleSender *sender;
  Catalogue *catalogue;
  GPtrArray *flights;
} Search;

static void
collect (const CatalogueUpload *upload, gpointer data)
{
  Search *search = data;
  GstScaleSender *sender = search->sender;
  Flight *flight;

  if (g_hash_table_contains (sender->under_way, &upload->id)
      || g_hash_table_size (sender->under_way) + search->flights->len >= sender->set.in_flight)
    return;
  flight = g_new0 (Flight, 1);
  flight->sender = sender;
  flight->id = upload->id;
  flight->attempts = upload->attempts;
  flight->reference = g_strdup (upload->reference);
  flight->frame = g_strdup (upload->frame);
  flight->path = g_strdup (upload->path);
  flight->sha256 = g_strdup (upload->sha256);
  flight->metadata = scale_upload_metadata (search->catalogue, upload);
  g_ptr_array_add (search->flights, flight);
}

/* The image as it was journaled; NULL with a problem when it is gone or another. */
static GBytes *
load_image (const Flight *flight, const gchar *folder, gchar **problem)
{
  g_autofree gchar *file = g_build_filename (folder, flight->path, NULL), *sum = NULL, *data = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  if (!g_file_get_contents (file, &data, &size, &error)) {
    *problem = g_strdup_printf ("The image cannot be read: %s", error->message);
    return NULL;
  }
  sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) data, size);
  if (strcmp (sum, flight->sha256) != 0) {
    *problem = g_strdup_printf ("The image %s is not the one that was stored", file);
    return NULL;
  }
  return g_bytes_new_take (g_steal_pointer (&data), size);
}

/* Takes the flight. */
static void
start (GstScaleSender *sender, Flight *flight, const gchar *folder)
{
  g_autofree gchar *problem = NULL, *filename = g_path_get_basename (flight->path);
  g_autoptr (GBytes) image = load_image (flight, folder, &problem);
  ScaleUpload upload = { sender->service, sender->project, flight->reference, filename, flight->metadata, image };
  ScaleUploadRequest request;

  if (image == NULL) {
    set_refused (flight, problem);
    flight_free (flight);
    return;
  }
  scale_upload_encode (&upload, &request);
  flight->bytes = g_bytes_get_size (image);
  flight->began = g_get_monotonic_time ();
  g_hash_table_insert (sender->under_way, &flight->id, flight);
  scale_api_send (sender->api, "POST", request.path, request.body, request.type, NULL, on_reply, flight);
  scale_upload_request_clear (&request);
}

/* Starts what is due and has a place; how many were found. */
static guint
start_due (GstScaleSender *sender)
{
  CatalogueDestination to = destination (sender);
  g_autoptr (GPtrArray) flights = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autofree gchar *folder = NULL;
  Search search = { sender, NULL, flights };
  guint most = sender->set.in_flight + g_hash_table_size (sender->under_way);
  gint64 now = g_get_real_time ();

  search.catalogue = gst_dataset_writer_borrow (sender->writer);
  folder = g_strdup (catalogue_folder (search.catalogue));
  catalogue_each_due (search.catalogue, &to, now, most, collect, &search, &error);
  sender->next_due = catalogue_next_due (search.catalogue, &to, now);
  gst_dataset_writer_give_back (sender->writer);
  complain (sender, error);
  for (guint i = 0; i < flights->len; i++)
    start (sender, flights->pdata[i], folder);
  return flights->len;
}

/* As many as have a place; FALSE: nothing is under way, and nothing is due. */
static gboolean
fill (GstScaleSender *sender)
{
  while (!is_stopping (sender) && start_due (sender) > 0 && g_hash_table_size (sender->under_way) == 0) { /* those had no image any more */
  }
  return g_hash_table_size (sender->under_way) > 0;
}

/* Whether enough frames wait, or one has waited long enough, or the stream is at its end. */
static gboolean
is_time (GstScaleSender *sender)
{
  gboolean time;

  g_mutex_lock (&sender->lock);
  time = sender->draining || sender->fresh >= sender->set.batch
      || (sender->fresh > 0 && g_get_monotonic_time () >= sender->first_fresh + sender->set.batch_wait);
  if (time)
    sender->fresh = 0;
  g_mutex_unlock (&sender->lock);
  return time || sender->next_due <= g_get_real_time ();
}

static gboolean
wake_up (gpointer data)
{
  return G_SOURCE_REMOVE;       /* the loop turns */
}

static void
set_alarm (GstScaleSender *sender, gint64 pause)
{
  if (sender->alarm) {
    g_source_destroy (sender->alarm);
    g_clear_pointer (&sender->alarm, g_source_unref);
  }
  if (pause == G_MAXINT64)
    return;
  sender->alarm = g_timeout_source_new ((guint) CLAMP (pause / 1000 + 1, 1, G_MAXINT));
  g_source_set_callback (sender->alarm, wake_up, NULL, NULL);
  g_source_attach (sender->alarm, sender->context);
}

/* Microseconds until something is to be done without a wake-up. */
static gint64
until_next (GstScaleSender *sender)
{
  gint64 now = g_get_monotonic_time (), pause = sender->sending && sender->closed_until > now ? 0 : G_MAXINT64;

  if (sender->next_due != G_MAXINT64)
    pause = MIN (pause, MAX (0, sender->next_due - g_get_real_time ()));
  if (sender->tasks)
    pause = MIN (pause, gst_scale_tasks_pause (sender->tasks));
  g_mutex_lock (&sender->lock);
  if (sender->fresh > 0)
    pause = MIN (pause, MAX (0, sender->first_fresh + sender->set.batch_wait - now));
  g_mutex_unlock (&sender->lock);
  return MAX (pause, sender->closed_until - now);
}

static void
set_idle (GstScaleSender *sender, gboolean idle)
{
  g_mutex_lock (&sender->lock);
  sender->idle = idle && sender->fresh == 0;
  if (sender->idle)
    sender->pending = 0;        /* and not one more for every image that was there before */
  g_cond_broadcast (&sender->changed);
  g_mutex_unlock (&sender->lock);
}

/* Once the uploads are done: FALSE when that is done, too. */
static gboolean
make_tasks (GstScaleSender *sender)
{
  gboolean draining;

  if (sender->tasks == NULL)
    return FALSE;
  g_mutex_lock (&sender->lock);
  draining = sender->draining;
  g_mutex_unlock (&sender->lock);
  return gst_scale_tasks_go_on (sender->tasks, draining);
}

static void
turn (GstScaleSender *sender)
{
  gboolean busy;

  if (!sender->sending)
    sender->sending = is_time (sender);
  if (sender->sending && sender->closed_until <= g_get_monotonic_time () && !fill (sender))
    sender->sending = FALSE;
  /* What was put off waits outside the burst, but is not done. */
  busy = sender->sending || sender->next_due != G_MAXINT64;
  busy = (!sender->sending && make_tasks (sender)) || busy;
  set_idle (sender, !busy);
  set_alarm (sender, until_next (sender));
}

static gpointer
run (gpointer data)
{
  GstScaleSender *sender = data;

  g_main_context_push_thread_default (sender->context);
  while (!is_stopping (sender)) {
    turn (sender);
    g_main_context_iteration (sender->context, TRUE);
  }
  set_alarm (sender, G_MAXINT64);
  g_clear_pointer (&sender->api, scale_api_free);
  g_clear_pointer (&sender->tasks, gst_scale_tasks_free);
  g_main_context_pop_thread_default (sender->context);
  return NULL;
}

/* ---- from start to end --------------------------------------------------------------------------------------------------- */

/* What an earlier run left. */
static gboolean
look_back (GstScaleSender *sender, GError **error)
{
  CatalogueDestination to = destination (sender);
  CatalogueUploadCounts counts = { 0 };
  Catalogue *catalogue = gst_dataset_writer_borrow (sender->writer);
  gboolean read = (!sender->set.retry_refused || catalogue_retry_refused (catalogue, &to, error) >= 0)
      && catalogue_count_uploads (catalogue, &to, &counts, error);

  gst_dataset_writer_give_back (sender->writer);
  sender->pending = counts.pending;
  sender->sending = counts.pending > 0;
  return read;
}

GstScaleSender *
gst_scale_sender_new (GstElement *element, GstDatasetWriter *writer, const GstScaleSenderSettings *settings,
    const ScaleApiOptions *options, ScaleKey *key, GError **error)
{
  GstScaleSender *sender = g_new0 (GstScaleSender, 1);

  sender->element = element;
  sender->writer = writer;
  sender->set = *settings;
  sender->service = g_strdup (settings->service);
  sender->project = g_strdup (settings->project);
  sender->context = g_main_context_new ();
  sender->under_way = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, flight_free);
  sender->halt = FIRST_HALT;
  sender->next_due = G_MAXINT64;
  g_mutex_init (&sender->lock);
  g_cond_init (&sender->changed);
  g_main_context_push_thread_default (sender->context);
  sender->api = scale_api_new (options, key, error);
  g_main_context_pop_thread_default (sender->context);
  if (sender->api && settings->tasks.most > 0)
    sender->tasks = gst_scale_tasks_new (element, writer, sender->api, &settings->tasks, error);
  if (sender->api == NULL || (settings->tasks.most > 0 && sender->tasks == NULL) || !look_back (sender, error)) {
    gst_scale_sender_free (sender);
    return NULL;
  }
  sender->thread = g_thread_new ("scale-sender", run, sender);
  return sender;
}

void
gst_scale_sender_free (GstScaleSender *sender)
{
  if (sender == NULL)
    return;
  g_mutex_lock (&sender->lock);
  sender->stopping = TRUE;
  g_mutex_unlock (&sender->lock);
  g_main_context_wakeup (sender->context);
  if (sender->thread)
    g_thread_join (sender->thread);
  scale_api_free (sender->api);
  gst_scale_tasks_free (sender->tasks);
  g_hash_table_unref (sender->under_way);
  g_main_context_unref (sender->context);
  g_cond_clear (&sender->changed);
  g_mutex_clear (&sender->lock);
  g_free (sender->service);
  g_free (sender->project);
  g_free (sender->problem);
  g_free (sender);
}

/* ---- for other threads --------------------------------------------------------------------------------------------------- */

void
gst_scale_sender_wake (GstScaleSender *sender)
{
  g_mutex_lock (&sender->lock);
  sender->pending++;
  if (sender->fresh++ == 0)
    sender->first_fresh = g_get_monotonic_time ();
  sender->idle = FALSE;
  g_mutex_unlock (&sender->lock);
  g_main_context_wakeup (sender->context);
}

gboolean
gst_scale_sender_drain (GstScaleSender *sender, gint64 timeout)
{
  gint64 end = g_get_monotonic_time () + timeout;
  gboolean in_time = TRUE, flushed;

  g_mutex_lock (&sender->lock);
  sender->draining = TRUE;
  sender->idle = FALSE;
  g_main_context_wakeup (sender->context);
  while (!sender->idle && !sender->flushing && !sender->stopping && in_time)
    in_time = g_cond_wait_until (&sender->changed, &sender->lock, end);
  sender->draining = FALSE;
  flushed = sender->flushing;
  g_mutex_unlock (&sender->lock);
  return !flushed;
}

void
gst_scale_sender_set_flushing (GstScaleSender *sender, gboolean flushing)
{
  g_mutex_lock (&sender->lock);
  sender->flushing = flushing;
  g_cond_broadcast (&sender->changed);
  g_mutex_unlock (&sender->lock);
}

void
gst_scale_sender_describe (GstScaleSender *sender, GstStructure *description)
{
  g_mutex_lock (&sender->lock);
  gst_structure_set (description, "pending", G_TYPE_UINT64, sender->pending, "sent", G_TYPE_UINT64, sender->sent, "already",
      G_TYPE_UINT64, sender->already, "refused", G_TYPE_UINT64, sender->refused, "retries", G_TYPE_UINT64, sender->retries,
      "bytes-sent", G_TYPE_UINT64, sender->bytes, "halted", G_TYPE_BOOLEAN, sender->halted, "last-problem", G_TYPE_STRING,
      sender->problem, NULL);
  g_mutex_unlock (&sender->lock);
}
