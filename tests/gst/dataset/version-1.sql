-- SPDX-License-Identifier: LGPL-2.1-or-later
-- A dataset as version 1 of the catalogue left it: one frame of the image "old", with a label. test-outbox.c opens it.
PRAGMA journal_mode = WAL;
CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uri TEXT);
CREATE TABLE frame (id TEXT PRIMARY KEY, source INTEGER NOT NULL REFERENCES source (id), path TEXT NOT NULL UNIQUE,  sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, captured_at INTEGER NOT NULL, received_at INTEGER NOT NULL,  utc_offset INTEGER NOT NULL, media_sequence INTEGER, pts INTEGER, width INTEGER NOT NULL, height INTEGER NOT NULL,  clock_suspect INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('stored', 'evicted', 'missing')),  UNIQUE (source, sha256, captured_at)) WITHOUT ROWID;
CREATE INDEX frame_by_time ON frame (state, captured_at);
CREATE TABLE outage (id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source (id), began_at INTEGER NOT NULL,  ended_at INTEGER, reason TEXT NOT NULL, detail TEXT);
CREATE TABLE label (frame TEXT NOT NULL REFERENCES frame (id), task TEXT NOT NULL, value TEXT NOT NULL,  origin TEXT NOT NULL, labeled_at INTEGER NOT NULL, PRIMARY KEY (frame, task, origin)) WITHOUT ROWID;
CREATE TABLE prediction (frame TEXT NOT NULL REFERENCES frame (id), head TEXT NOT NULL, kind TEXT, value REAL, text TEXT,  head_id TEXT, PRIMARY KEY (frame, head)) WITHOUT ROWID;
CREATE TABLE embedding (frame TEXT NOT NULL REFERENCES frame (id), model_id TEXT NOT NULL, vector BLOB NOT NULL,  PRIMARY KEY (frame, model_id)) WITHOUT ROWID;
INSERT INTO source VALUES (1, 'gate', 'rtsp://gate/');
INSERT INTO frame VALUES ('20260131T070509.123456-1a2b3c4d', 1, 'frames/2026-01-31/20260131T070509.123456-1a2b3c4d.jpg',
'cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4', 3, 1769843109123456, 1769843109200000, 3600, 7, NULL, 8, 6, 0,
'stored');
INSERT INTO label VALUES ('20260131T070509.123456-1a2b3c4d', 'people', '3', 'hand', 1769843200000000);
PRAGMA application_id = 1734894452;
PRAGMA user_version = 1;
