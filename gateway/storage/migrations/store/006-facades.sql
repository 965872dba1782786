-- Evidence of things thrown from high: the measured track as JSON, and pictures that show windows unmasked. SQLite
-- changes no CHECK of a table that is there, so the table is made anew.
CREATE TABLE evidence_next (
  id            TEXT PRIMARY KEY CHECK (id <> ''),
  alarm_id      TEXT NOT NULL REFERENCES alarm (id),
  type          TEXT NOT NULL CHECK (type IN ('snapshot', 'clip', 'track')),
  camera        TEXT NOT NULL,
  -- Span the file shows, on the gateway's clock.
  from_at       INTEGER NOT NULL,
  to_at         INTEGER NOT NULL CHECK (to_at >= from_at),
  content_type  TEXT NOT NULL,
  -- Path below the evidence folder, '/' between the parts.
  file          TEXT NOT NULL UNIQUE,
  bytes         INTEGER NOT NULL CHECK (bytes >= 0),
  -- Of the file, lower-case hexadecimal.
  sha256        TEXT NOT NULL CHECK (length(sha256) = 64),
  created_at    INTEGER NOT NULL CHECK (created_at > 0),
  -- When retention removed the file; the row stays.
  deleted_at    INTEGER,
  -- 1: only for admins, each look at it is a row of the journal.
  is_restricted INTEGER NOT NULL DEFAULT 0 CHECK (is_restricted IN (0, 1))
) STRICT;

INSERT INTO evidence_next
  (id, alarm_id, type, camera, from_at, to_at, content_type, file, bytes, sha256, created_at, deleted_at)
SELECT id, alarm_id, type, camera, from_at, to_at, content_type, file, bytes, sha256, created_at, deleted_at
FROM evidence;

DROP TABLE evidence;
ALTER TABLE evidence_next RENAME TO evidence;
CREATE INDEX evidence_of_alarm ON evidence (alarm_id);
CREATE INDEX evidence_kept ON evidence (created_at) WHERE deleted_at IS NULL;

-- The rows of one alarm, for its proof.
CREATE INDEX journal_subject ON journal (subject, seq);

-- One row is the calibration that a person drew for one facade camera; it stands over the site file's. Every change is
-- an audit row of the journal with the whole of it.
CREATE TABLE facade_calibration (
  camera   TEXT PRIMARY KEY CHECK (camera <> ''),
  -- Edges and floor lines in fractions of the picture, as the API takes them.
  document TEXT NOT NULL CHECK (json_valid(document)),
  drawn_at INTEGER NOT NULL CHECK (drawn_at > 0),
  drawn_by TEXT NOT NULL CHECK (drawn_by <> '')
) STRICT, WITHOUT ROWID;
