/* SPDX-License-Identifier: LGPL-2.1-or-later
 * gstscalesender.c: see gstscalesender.h. One thread with a main context of its own owns all of the network; the catalogue
 * is borrowed from the writer for one statement or a few at a time. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstscalesender.h"
#include "gstscaleflight.h"
#include "gstscalegate.h"
#include "scale-upload.h"

/* Until a catalogue that could not be read or written is tried again. */
#define CATALOGUE_PAUSE (2 * G_TIME_SPAN_SECOND)
/* More than any pause (an hour of Retry-After): what is due later was written when the clock was ahead. */
#define LONGEST_WAIT (2 * G_TIME_SPAN_HOUR)

struct _GstScaleSender {
  GstElement *element;
  GstDatasetWriter *writer;
  gchar *service, *project;
  GstScaleSenderSettings set;   /* its strings are the two above */
  ScaleApi *api;
  GstScaleGate *gate;
  GstScaleTasks *tasks;         /* or NULL */
  GMainContext *context;
  GThread *thread;

  /* The thread's. */
  GHashTable *under_way;        /* upload's id -> GstScaleFlight, until the catalogue holds what became of it */
  GSource *alarm;               /* when the next thing is due */
  gint64 catalogue_until;       /* monotonic: the catalogue failed, and is not used before */
  gboolean sending;             /* until the outbox is empty */
  gint64 next_due;              /* real time, of what was put off; G_MAXINT64: none */

  GMutex lock;                  /* for what follows */
  GCond changed;
  gboolean stopping, flushing;
  guint asked, answered;        /* drains that were begun, and the last of them that found nothing left to send */
  guint fresh;                  /* journaled since the last burst */
  gint64 first_fresh;           /* monotonic, of the first of them */
  guint64 pending, sent, already, refused, retries, bytes;
};

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

/* A catalogue that cannot be used is the writer's trouble too, which says so on the bus. TRUE: there is no error. */
static gboolean
is_fine (GstScaleSender *sender, const GError *error)
{
  if (error == NULL)
    return TRUE;
  GST_WARNING_OBJECT (sender->element, "%s", error->message);
  gst_scale_gate_remember (sender->gate, error->message);
  sender->catalogue_until = g_get_monotonic_time () + CATALOGUE_PAUSE;
  return FALSE;
}

/* ---- what became of an upload ---------------------------------------------------------------------------------------------- */

static void
tell (GstScaleSender *sender, const GstScaleFlight *flight)
{
  switch (flight->outcome) {
    case GST_SCALE_FLIGHT_SENT:
      count_settled (sender, flight->already ? &sender->already : &sender->sent);
      count (sender, &sender->bytes, flight->already ? 0 : flight->bytes);
      break;
    case GST_SCALE_FLIGHT_REFUSED:
      count_settled (sender, &sender->refused);
      break;
    default:
      count (sender, &sender->retries, 1);
      return;
  }
  gst_element_post_message (sender->element, gst_message_new_element (GST_OBJECT (sender->element),
          gst_scale_flight_describe (flight)));
}

/* Once that is written down, and not before: until then it is under way, and nothing else takes its place. */
static gboolean
settle (GstScaleSender *sender, GstScaleFlight *flight)
{
  g_autoptr (GError) error = NULL;

  gst_scale_flight_write (flight, gst_dataset_writer_borrow (sender->writer), &error);
  gst_dataset_writer_give_back (sender->writer);
  if (!is_fine (sender, error))
    return FALSE;
  tell (sender, flight);
  return TRUE;
}

static gboolean
settle_if_landed (gpointer id, gpointer flight, gpointer sender)
{
  return ((GstScaleFlight *) flight)->outcome != GST_SCALE_FLIGHT_UNDER_WAY && settle (sender, flight);
}

/* Those that the catalogue would not take before. */
static void
settle_all (GstScaleSender *sender)
{
  g_hash_table_foreach_remove (sender->under_way, settle_if_landed, sender);
}

static void
land (GstScaleSender *sender, GstScaleFlight *flight, ScaleReply *reply)
{
  const gchar *url, *id;
  gint64 pause = 0;

  scale_upload_judge (sender->service, reply, &url, &id);
  GST_DEBUG_OBJECT (sender->element, "%s: HTTP %u, %s", flight->path, reply->status, reply->problem ? reply->problem : "done");
  switch (reply->verdict) {
    case SCALE_OK:
    case SCALE_CONFLICT:
      gst_scale_flight_sent (flight, url, id, reply->verdict == SCALE_CONFLICT);
      gst_scale_gate_accepted (sender->gate);
      return;
    case SCALE_RETRY:
      pause = gst_scale_gate_failed (sender->gate, flight->began, flight->attempts, reply);
      break;
    case SCALE_REFUSED:
      pause = gst_scale_gate_refused (sender->gate, flight->began, reply->problem);
      break;
    case SCALE_HALT:
      pause = gst_scale_gate_halted (sender->gate, flight->began, reply->problem);
      break;
  }
  if (pause > 0)
    gst_scale_flight_put_off (flight, pause, reply->problem);
  else
    gst_scale_flight_refused (flight, reply->problem);
}

static void
on_reply (ScaleReply *reply, gpointer data)
{
  GstScaleFlight *flight = data;
  GstScaleSender *sender = flight->owner;
  gboolean given_up = is_stopping (sender) && reply->verdict != SCALE_OK && reply->verdict != SCALE_CONFLICT;

  if (!given_up)                /* else the journal has it as it was */
    land (sender, flight, reply);
  if (given_up || settle (sender, flight))
    g_hash_table_remove (sender->under_way, &flight->id);
}

/* ---- sending ----------------------------------------------------------------------------------------------------------- */

typedef struct {
  GstScaleSender *sender;
  Catalogue *catalogue;
  GPtrArray *flights;
} Search;

/* One at a time is enough to see whether trouble lasts. */
static guint
places (GstScaleSender *sender)
{
  guint taken = g_hash_table_size (sender->under_way);
  guint most = gst_scale_gate_is_in_trouble (sender->gate) ? 1 : sender->set.in_flight;

  return most > taken ? most - taken : 0;
}

static void
collect (const CatalogueUpload *upload, gpointer data)
{
  Search *search = data;
  GstScaleSender *sender = search->sender;

  if (!g_hash_table_contains (sender->under_way, &upload->id) && search->flights->len < places (sender))
    g_ptr_array_add (search->flights, gst_scale_flight_new (sender, search->catalogue, upload));
}

/* Takes the flight. */
static void
start (GstScaleSender *sender, GstScaleFlight *flight, const gchar *folder)
{
  g_autofree gchar *filename = g_path_get_basename (flight->path);
  g_autoptr (GBytes) image = gst_scale_flight_load (flight, folder);
  ScaleUpload upload = { sender->service, sender->project, flight->reference, filename, flight->metadata, image };
  ScaleUploadRequest request;

  g_hash_table_insert (sender->under_way, &flight->id, flight);
  if (image == NULL) {
    if (settle (sender, flight))
      g_hash_table_remove (sender->under_way, &flight->id);
    return;
  }
  scale_upload_encode (&upload, &request);
  scale_api_send (sender->api, "POST", request.path, request.body, request.type, NULL, on_reply, flight);
  scale_upload_request_clear (&request);
}

/* When the next one is due. The clock may have gone back since: as at the start, nothing waits for where it was. */
static gboolean
find_next_due (GstScaleSender *sender, Catalogue *catalogue, gint64 now, GError **error)
{
  CatalogueDestination to = destination (sender);
  gint64 latest = now + LONGEST_WAIT;

  if (!catalogue_next_due (catalogue, &to, now, &sender->next_due, error))
    return FALSE;
  if (sender->next_due == G_MAXINT64 || sender->next_due <= latest)
    return TRUE;
  sender->next_due = latest;
  return catalogue_hasten_uploads (catalogue, &to, latest, error);
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

  if (places (sender) == 0)
    return 0;
  search.catalogue = gst_dataset_writer_borrow (sender->writer);
  folder = g_strdup (catalogue_folder (search.catalogue));
  if (!catalogue_each_due (search.catalogue, &to, now, most, collect, &search, &error)
      || !find_next_due (sender, search.catalogue, now, &error))
    sender->next_due = now + CATALOGUE_PAUSE;   /* nobody knows */
  gst_dataset_writer_give_back (sender->writer);
  is_fine (sender, error);
  for (guint i = 0; i < flights->len; i++)
    start (sender, flights->pdata[i], folder);
  return flights->len;
}

/* As many as have a place; FALSE: nothing is under way, and nothing is due. */
static gboolean
fill (GstScaleSender *sender)
{
  while (!is_stopping (sender) && start_due (sender) > 0 && g_hash_table_size (sender->under_way) == 0) {
    /* those had no image any more */
  }
  return g_hash_table_size (sender->under_way) > 0 || sender->catalogue_until > g_get_monotonic_time ();
}

/* Whether enough frames wait, or one has waited long enough, or the stream is at its end. */
static gboolean
is_time (GstScaleSender *sender)
{
  gboolean time;

  g_mutex_lock (&sender->lock);
  time = sender->asked != sender->answered || sender->fresh >= sender->set.batch
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

/* Monotonic time before which nothing is sent. */
static gint64
blocked_until (GstScaleSender *sender)
{
  return MAX (gst_scale_gate_closed_until (sender->gate), sender->catalogue_until);
}

/* Microseconds until something is to be done without a wake-up. During a burst every answer and every frame is one, and what
 * is due takes its place then. */
static gint64
until_next (GstScaleSender *sender)
{
  gint64 now = g_get_monotonic_time (), blocked = blocked_until (sender);
  gint64 pause = sender->sending && blocked > now ? 0 : G_MAXINT64;

  if (sender->next_due != G_MAXINT64 && places (sender) > 0)
    pause = MIN (pause, MAX (0, sender->next_due - g_get_real_time ()));
  g_mutex_lock (&sender->lock);
  if (!sender->sending && sender->fresh > 0 && (sender->asked != sender->answered || sender->fresh >= sender->set.batch))
    pause = 0;                  /* they came during the burst that has just ended */
  else if (!sender->sending && sender->fresh > 0)
    pause = MIN (pause, MAX (0, sender->first_fresh + sender->set.batch_wait - now));
  g_mutex_unlock (&sender->lock);
  pause = MAX (pause, blocked - now);
  if (sender->tasks)
    pause = MIN (pause, gst_scale_tasks_pause (sender->tasks));
  return sender->catalogue_until > now ? MIN (pause, sender->catalogue_until - now) : pause;
}

/* Those that wait for the end, and had begun to before this turn, need not wait any more. */
static void
answer (GstScaleSender *sender, guint asked)
{
  g_mutex_lock (&sender->lock);
  if (sender->fresh == 0) {
    sender->answered = asked;
    sender->pending = 0;        /* and not one more for every image that was there before */
    g_cond_broadcast (&sender->changed);
  }
  g_mutex_unlock (&sender->lock);
}

static void
turn (GstScaleSender *sender)
{
  gboolean busy, ending;
  guint asked;

  g_mutex_lock (&sender->lock);
  asked = sender->asked;
  ending = asked != sender->answered;
  g_mutex_unlock (&sender->lock);
  if (sender->catalogue_until <= g_get_monotonic_time ())
    settle_all (sender);
  if (!sender->sending)
    sender->sending = is_time (sender);
  if (sender->sending && blocked_until (sender) <= g_get_monotonic_time ())
    sender->sending = fill (sender);
  /* What was put off waits outside the burst, but is not done. */
  busy = sender->sending || sender->next_due != G_MAXINT64;
  if (sender->tasks)            /* beside the uploads, which need never pause on a slow link */
    busy = gst_scale_tasks_go_on (sender->tasks, ending && !sender->sending) || busy;
  if (!busy)
    answer (sender, asked);
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
  settle_all (sender);
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
      && catalogue_limit_tasks (catalogue, &to, sender->set.tasks.most, error)
      && catalogue_hasten_uploads (catalogue, &to, g_get_real_time () + LONGEST_WAIT, error)
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
  sender->under_way = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, gst_scale_flight_free);
  sender->gate = gst_scale_gate_new (element, sender->project);
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
  gst_scale_gate_free (sender->gate);
  g_hash_table_unref (sender->under_way);
  g_main_context_unref (sender->context);
  g_cond_clear (&sender->changed);
  g_mutex_clear (&sender->lock);
  g_free (sender->service);
  g_free (sender->project);
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
  g_mutex_unlock (&sender->lock);
  g_main_context_wakeup (sender->context);
}

gboolean
gst_scale_sender_drain (GstScaleSender *sender, gint64 timeout)
{
  gint64 end = g_get_monotonic_time () + timeout;
  gboolean in_time = TRUE, flushed;

  g_mutex_lock (&sender->lock);
  sender->asked++;
  g_main_context_wakeup (sender->context);
  while (sender->answered != sender->asked && !sender->flushing && !sender->stopping && in_time)
    in_time = g_cond_wait_until (&sender->changed, &sender->lock, end);
  sender->answered = sender->asked;
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
      "bytes-sent", G_TYPE_UINT64, sender->bytes, NULL);
  g_mutex_unlock (&sender->lock);
  gst_scale_gate_describe (sender->gate, description);
  if (sender->tasks)
    gst_scale_tasks_describe (sender->tasks, description);
}
