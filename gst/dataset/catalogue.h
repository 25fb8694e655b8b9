/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * catalogue.h: a dataset: a folder of images and one SQLite file beside them that forgets nothing.
 *
 *   FOLDER/catalogue.sqlite
 *   FOLDER/catalogue.lock                 held by whoever writes
 *   FOLDER/frames/2026-01-31/ID.jpg       ID begins with the time, so names sort by it
 *   FOLDER/lost/                          images that no row knows
 *
 * A frame's file is on the disk, whole and under its name, before its row is committed; so whatever happens to process and
 * machine, there is no row without its file, and at worst a file without a row, which the next start puts aside. (One
 * exception: on a disk so full that no transaction fits, a prune deletes a few files first, and a crash then leaves rows that
 * the next start finds missing.)
 *
 * One process writes frames at a time, with one connection, from one thread at a time; others may add tasks and labels
 * meanwhile (catalogue_open_beside()), and any number may read. Not on NFS.
 * Times are microseconds since 1970-01-01 UTC. Errors are of the domain CATALOGUE_ERROR and name the file.
 */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define CATALOGUE_ERROR (catalogue_error_quark ())
GQuark catalogue_error_quark (void);

typedef enum {
  CATALOGUE_ERROR_OPEN,         /* not there, not a catalogue, or of a newer version */
  CATALOGUE_ERROR_BUSY,         /* another process writes */
  CATALOGUE_ERROR_CORRUPT,      /* the database does not pass its own check */
  CATALOGUE_ERROR_FULL,         /* no room on the disk */
  CATALOGUE_ERROR_WRITE,
  CATALOGUE_ERROR_STOPPED,      /* progress said so */
} CatalogueError;

typedef struct _Catalogue Catalogue;

/* Makes folder and catalogue where there are none; brings an older one up to date; mends what a crash left. */
Catalogue *catalogue_open (const gchar *folder, GError **error);
/* For tasks and labels alone, beside whoever else writes: no lock is held. The folder has to be there. Every call waits a few
 * seconds for the other's. */
Catalogue *catalogue_open_beside (const gchar *folder, GError **error);
/* For reading: the folder has to be there. It may be on a disk that takes no writes. */
Catalogue *catalogue_open_read (const gchar *folder, GError **error);
void catalogue_close (Catalogue *catalogue);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Catalogue, catalogue_close)

/* From now on whatever goes over many frames tells how far it is, under this name. FALSE: it is to stop. progress NULL: no
 * more. */
void catalogue_set_progress (Catalogue *catalogue, const gchar *what, gboolean (*progress) (gdouble fraction,
        const gchar *what, gpointer data), gpointer data);

/* ---- what is written --------------------------------------------------------------------------------------------- */

typedef struct {
  const gchar *task, *value, *origin;
} CatalogueLabel;

typedef struct {
  const gchar *head, *kind, *text, *head_id;
  gdouble value;
} CataloguePrediction;

/* Where a frame is to be uploaded: "scale" and a project's name, "nucleus" and a dataset's id. */
typedef struct {
  const gchar *service, *project;
} CatalogueDestination;

typedef struct {
  const gchar *source, *uri;    /* uri may be NULL */
  gint64 captured_at, received_at;
  guint64 media_sequence, pts;  /* G_MAXUINT64: none */
  gint width, height;
  gboolean clock_suspect;
  const gchar *suffix;          /* "jpg" or "png" */
  GBytes *image;
  const CatalogueLabel *labels;
  guint n_labels;
  const CataloguePrediction *predictions;
  guint n_predictions;
  const gchar *model_id;        /* with embedding; or NULL */
  GBytes *embedding;
  const CatalogueDestination *upload;   /* with a row in the outbox; or NULL */
} CatalogueFrame;

typedef enum { CATALOGUE_STORED, CATALOGUE_DUPLICATE, CATALOGUE_FAILED } CatalogueOutcome;

/* DUPLICATE: this source has that very image of that very time already; if it is to be uploaded and was not, that is noted all
 * the same. When it returns STORED the frame is on the disk for good, and *id (may be NULL) names it; free with g_free().
 * *journaled (may be NULL): whether there is one more upload to be sent. */
CatalogueOutcome catalogue_add (Catalogue *catalogue, const CatalogueFrame *frame, gchar **id, gboolean *journaled, GError **error);

/* An outage of a source begins; a second begin of one that lasts changes nothing. */
gboolean catalogue_begin_outage (Catalogue *catalogue, const gchar *source, gint64 at, const gchar *reason,
    const gchar *detail, GError **error);
gboolean catalogue_end_outage (Catalogue *catalogue, const gchar *source, gint64 at, GError **error);

typedef struct {
  const gchar *frame;           /* id */
  CatalogueLabel label;
  gboolean known;               /* set: there is such a frame */
} CatalogueMark;

/* Those of frames that are not there are left out. A label replaces that of the same frame, task and origin. In several
 * transactions, so that a capture beside it never waits for long: when it fails, the first ones may be in. */
gboolean catalogue_label (Catalogue *catalogue, CatalogueMark *marks, guint n, GError **error);

typedef struct {
  gint64 max_age;               /* microseconds; 0: any */
  guint64 max_frames, max_bytes;        /* 0: any number */
} CatalogueLimits;

/* Deletes the files of the oldest frames beyond the limits, never those with a label, an upload that is still to come, a task
 * that is (where catalogue_limit_tasks() leaves room for it) or an answer to one; their rows stay, as evicted. Returns how many,
 * or -1 with an error. dry_run: only counts. */
gint catalogue_prune (Catalogue *catalogue, const CatalogueLimits *limits, gint64 now, gboolean dry_run, GError **error);

/* The time for that, of a process that runs for long. A clock that jumps ahead, by a wrong server of times or a dead
 * battery, would make every image old at once: a step of more than an hour is believed when it has lasted a day. */
typedef struct {
  gint64 offset;                /* microseconds from the monotonic clock to the one that is believed */
  gint64 ahead;                 /* by so much the real one is ahead of that; 0: it is believed */
  gint64 since;                 /* monotonic: when that began */
} CatalogueClock;

void catalogue_clock_init (CatalogueClock *clock, gint64 real, gint64 monotonic);
gint64 catalogue_clock_now (CatalogueClock *clock, gint64 real, gint64 monotonic);

/* Bytes free to this user where the dataset lies. */
guint64 catalogue_free_bytes (const Catalogue *catalogue);

/* ---- the outbox -------------------------------------------------------------------------------------------------------- */

/* A frame's upload: committed with the frame, attempted until it is sent or refused for good. */
typedef struct {
  gint64 id;
  const gchar *service, *project;
  const gchar *reference;       /* PROJECT:SOURCE:SHA256, cut to 32: the same for the same image, whenever and however often */
  const gchar *frame, *path, *sha256, *source, *uri;    /* path below the folder */
  gint64 captured_at, utc_offset;       /* utc_offset: seconds */
  gint64 media_sequence, pts;   /* -1: none */
  gint width, height;
  guint attempts;
  const gchar *attachment_url;  /* where it is, once it is sent and that is known; or NULL */
} CatalogueUpload;

/* Up to `most` uploads whose time has come, the oldest first. visit must not write. */
gboolean catalogue_each_due (Catalogue *catalogue, const CatalogueDestination *to, gint64 now, guint most,
    void (*visit) (const CatalogueUpload *upload, gpointer data), gpointer data, GError **error);
/* When the next one's time comes that is not due by then; G_MAXINT64 when there is none. */
gboolean catalogue_next_due (Catalogue *catalogue, const CatalogueDestination *to, gint64 now, gint64 *due, GError **error);

/* It is there: under this URL and id (each may be NULL). */
gboolean catalogue_upload_sent (Catalogue *catalogue, gint64 upload, const gchar *attachment_url, const gchar *remote_id,
    GError **error);
/* It failed, and is to be attempted again at a time. */
gboolean catalogue_upload_put_off (Catalogue *catalogue, gint64 upload, gint64 next_attempt_at, const gchar *problem,
    GError **error);
/* It will never be accepted. */
gboolean catalogue_upload_refused (Catalogue *catalogue, gint64 upload, const gchar *problem, GError **error);
/* None waits longer than until then: a clock that was ahead has set their times. */
gboolean catalogue_hasten_uploads (Catalogue *catalogue, const CatalogueDestination *to, gint64 latest, GError **error);
/* Those that were refused wait again, and tasks may be made that were not: after the reason was mended. Returns how many
 * uploads, -1 with an error. */
gint catalogue_retry_refused (Catalogue *catalogue, const CatalogueDestination *to, GError **error);

/* A frame that was given to the outbox, and the embedding that was stored with it. */
typedef struct {
  gint64 at;
  const gchar *model_id;        /* NULL: none is stored */
  gconstpointer embedding;      /* float32, as stored */
  gsize embedding_bytes;
} CatalogueChosen;

/* The last of them, `most` at most, in the order of time. visit must not write. */
gboolean catalogue_each_chosen (Catalogue *catalogue, const CatalogueDestination *to, guint most,
    void (*visit) (const CatalogueChosen *chosen, gpointer data), gpointer data, GError **error);

typedef struct {
  guint64 pending, sent, refused;
} CatalogueUploadCounts;

gboolean catalogue_count_uploads (Catalogue *catalogue, const CatalogueDestination *to, CatalogueUploadCounts *counts,
    GError **error);

/* ---- tasks: what comes back ------------------------------------------------------------------------------------------ */

typedef struct {
  const gchar *service, *id, *project, *batch, *unique_id, *status, *updated_at;        /* batch .. may be NULL */
  const gchar *frame;           /* NULL: not linked, and `unlinked` says why */
  const gchar *unlinked;
  const gchar *json;            /* as it came */
} CatalogueTask;

/* Replaces the task of the same service and id, unless that was updated later. */
gboolean catalogue_put_task (Catalogue *catalogue, const CatalogueTask *task, GError **error);
gboolean catalogue_each_task (Catalogue *catalogue, const gchar *service, const gchar *project,
    void (*visit) (const CatalogueTask *task, gpointer data), gpointer data, GError **error);

/* Up to `most` uploads that were sent to a known URL and that no task is of, the oldest first. visit must not write. */
gboolean catalogue_each_without_task (Catalogue *catalogue, const CatalogueDestination *to, guint most,
    void (*visit) (const CatalogueUpload *upload, gpointer data), gpointer data, GError **error);
/* Frames whose task ended in an error (status "error") may get another. Returns how many tasks, -1 with an error. */
gint catalogue_retry_errors (Catalogue *catalogue, const CatalogueDestination *to, GError **error);
/* How many tasks frames of this dataset are to get, in all; 0: nobody makes any. */
gboolean catalogue_limit_tasks (Catalogue *catalogue, const CatalogueDestination *to, guint64 most, GError **error);

typedef struct {
  const gchar *service, *project;
  guint64 most;                 /* as catalogue_limit_tasks() said last */
  guint64 made;                 /* of frames of this dataset, but for "refused" (the service made none) and what was retried */
  guint64 refused;
  guint64 awaiting;             /* frames that catalogue_each_without_task() finds */
} CatalogueTaskCounts;

/* Leaves service and project as those of `to`. */
gboolean catalogue_count_tasks (Catalogue *catalogue, const CatalogueDestination *to, CatalogueTaskCounts *counts,
    GError **error);
/* Of each project that a limit was ever given for. */
gboolean catalogue_each_task_limit (Catalogue *catalogue, void (*visit) (const CatalogueTaskCounts *counts, gpointer data),
    gpointer data, GError **error);
/* The batch that was last heard of whose name begins so, to be freed, and how many tasks it has; NULL and 0: there is none. */
gboolean catalogue_last_batch (Catalogue *catalogue, const CatalogueDestination *to, const gchar *prefix, gchar **batch,
    guint *tasks, GError **error);

/* The id of the frame, to be freed, or NULL: by path and sum, by the reference of its upload (a unique id is one), by the
 * URL that the service gave it. sha256 may be NULL. */
gchar *catalogue_frame_by_path (Catalogue *catalogue, const gchar *path, const gchar *sha256);
gchar *catalogue_frame_by_reference (Catalogue *catalogue, const gchar *service, const gchar *reference);
gchar *catalogue_frame_by_url (Catalogue *catalogue, const gchar *attachment_url);

/* A task as it came back, with the labels that its answer is. */
typedef enum { CATALOGUE_NEW, CATALOGUE_CHANGED, CATALOGUE_SAME } CatalogueNovelty;

typedef struct {
  CatalogueTask task;
  const gchar *origin;          /* of this task's labels, and of no other's */
  const CatalogueLabel *labels; /* their origin is not looked at */
  guint n_labels;
  CatalogueNovelty novelty;     /* set: what it is to the catalogue */
  gboolean linked;              /* set: to a frame, perhaps since an earlier time */
} CatalogueAnswer;

/* All or none of them. A task replaces the one of the same service and id, its labels replace all of its origin, and a task
 * that is not linked any more stays with the frame that it was linked to. What is as before is not written, nor is what is
 * older than what is known (by updated_at), unless it brings the first link: that is SAME, and n_labels 0 then. */
gboolean catalogue_keep_answers (Catalogue *catalogue, CatalogueAnswer *answers, guint n, GError **error);

/* That tasks were asked for and all came. */
typedef struct {
  const gchar *service, *project, *batch;       /* batch NULL: of the whole project */
  gint64 seen_until;            /* all that changed before is here */
  guint64 tasks;                /* that came */
  gint64 pulled_at;
} CataloguePull;

gboolean catalogue_put_pull (Catalogue *catalogue, const CataloguePull *pull, GError **error);
/* 0: never. */
gint64 catalogue_pulled_until (Catalogue *catalogue, const CatalogueDestination *from, const gchar *batch);
gboolean catalogue_each_pull (Catalogue *catalogue, void (*visit) (const CataloguePull *pull, gpointer data), gpointer data,
    GError **error);

/* How many are the same: uploads by state and problem, tasks by status ("retried" after
 * catalogue_retry_errors()), why they are not linked (words, NULL: they are) and what the service said of an error or refusal. */
typedef struct {
  const gchar *service, *project, *state, *words, *problem;     /* words and problem may be NULL; uploads have no problem */
  guint64 n;
} CatalogueTally;

gboolean catalogue_each_upload_tally (Catalogue *catalogue, void (*visit) (const CatalogueTally *tally, gpointer data),
    gpointer data, GError **error);
gboolean catalogue_each_task_tally (Catalogue *catalogue, void (*visit) (const CatalogueTally *tally, gpointer data),
    gpointer data, GError **error);

/* ---- what is read ------------------------------------------------------------------------------------------------------ */

typedef struct {
  guint64 stored, evicted, missing, bytes, labels, outages;
} CatalogueCounts;

gboolean catalogue_count (Catalogue *catalogue, CatalogueCounts *counts, GError **error);

typedef struct {
  const gchar *id, *path, *source, *sha256;     /* path below the folder */
  gint64 captured_at;
  gint width, height;
  guint64 bytes;
} CatalogueRow;

/* Every stored frame in the order of time; visit returns FALSE to stop. */
gboolean catalogue_each (Catalogue *catalogue, gboolean (*visit) (const CatalogueRow *row, gpointer data), gpointer data,
    GError **error);

typedef enum { CATALOGUE_ALL, CATALOGUE_LABELED, CATALOGUE_UNLABELED } CatalogueLabeling;

/* Which of them: CATALOGUE_ANY and what is to be otherwise. */
typedef struct {
  const gchar *source;          /* NULL: any */
  gint64 after, before;         /* captured at after or later, earlier than before */
  CatalogueLabeling labeling;
  const gchar *task;            /* of the label that is there or not; NULL: any */
  gint64 most;                  /* of the first; -1: all */
} CatalogueFilter;
#define CATALOGUE_ANY { NULL, G_MININT64, G_MAXINT64, CATALOGUE_ALL, NULL, -1 }

gboolean catalogue_each_matching (Catalogue *catalogue, const CatalogueFilter *filter,
    gboolean (*visit) (const CatalogueRow *row, gpointer data), gpointer data, GError **error);
/* What is read from here on is all of this moment, whoever writes meanwhile; until it is closed. For a reader. */
gboolean catalogue_hold (Catalogue *catalogue, GError **error);
/* The id, to be freed, of the stored frame of a source (NULL: any) that was captured next to a time and at most `tolerance`
 * from it, and how far that is; NULL when there is none. Of two as near the earlier. */
gchar *catalogue_frame_at (Catalogue *catalogue, const gchar *source, gint64 at, gint64 tolerance, gint64 *distance);
/* The names of all sources, in the order of the alphabet; free with g_strfreev(). NULL with an error. */
gchar **catalogue_sources (Catalogue *catalogue, GError **error);
/* What labels tell, such as "people": of all labels, likewise. */
gchar **catalogue_label_tasks (Catalogue *catalogue, GError **error);
/* A time of ISO 8601, 2026-01-31T07:00:00Z; without a zone it is UTC, without a time of day its midnight, and seconds may
 * be left out. */
gboolean catalogue_parse_time (const gchar *text, gint64 *at);

/* The same for the labels of a frame. */
gboolean catalogue_each_label (Catalogue *catalogue, const gchar *frame, void (*visit) (const CatalogueLabel *label,
        gpointer data), gpointer data, GError **error);

/* Every label of a task whose frame is stored, in the order of the frames' time; those of one frame one after another. */
typedef struct {
  const gchar *path, *value, *origin;   /* path: of the image, below the folder */
  gint64 captured_at, labeled_at;
} CatalogueLabeled;

gboolean catalogue_each_labeled (Catalogue *catalogue, const gchar *task,
    void (*visit) (const CatalogueLabeled *labeled, gpointer data), gpointer data, GError **error);

/* The same for the predictions that were stored with it. */
gboolean catalogue_each_prediction (Catalogue *catalogue, const gchar *frame,
    void (*visit) (const CataloguePrediction *prediction, gpointer data), gpointer data, GError **error);
/* The encoder whose embedding is stored with it, to be freed; NULL when there is none. */
gchar *catalogue_encoder_of (Catalogue *catalogue, const gchar *frame);

/* Everything that is wrong, a line each, through say: rows without their file, files of another size or sum, files
 * without a row. What a capture beside it stores and deletes meanwhile is not wrong; where a file looks like that it
 * waits up to two seconds. Returns how many, or -1 with an error. */
gint catalogue_verify (Catalogue *catalogue, void (*say) (const gchar *line, gpointer data), gpointer data,
    GError **error);

/* What a copy holds. */
typedef struct {
  CatalogueCounts counts;
  guint64 linked, copied;       /* images */
  guint64 missing;              /* images that should be there and are not; the copy says so of them */
} CatalogueBackup;

/* Makes the folder `target`, which must not be there, a dataset of the same frames: as of one moment, on the disk for good
 * when this returns TRUE, whoever writes meanwhile. On one disk the images are not copied but linked. Nothing is left of a
 * copy that fails or is stopped. For a reader. */
gboolean catalogue_backup (Catalogue *catalogue, const gchar *target, CatalogueBackup *result, GError **error);

const gchar *catalogue_folder (const Catalogue *catalogue);
/* How many images that no row knew catalogue_open() has moved to FOLDER/lost: one or none after a crash; many where another
 * catalogue lay there before. */
guint catalogue_strays (const Catalogue *catalogue);

G_END_DECLS
