-- The gateway's store: what happened, what stands open, and who may answer it.
--
-- Instants are epoch milliseconds (integers, > 0). Booleans are 0 or 1. Ids are text the gateway chose.
-- `document` holds the whole alarm or case as JSON; the columns beside it repeat what is searched for and are written
-- in the same statement, never alone.

-- One row is one thing that happened: a transition of an alarm or a case, an event, or an act of a person.
-- Append-only. `seq` runs 1, 2, 3 … without a gap; `hash` is SHA-256 over the row's canonical JSON and previous_hash,
-- so that a row removed, added or changed later shows.
CREATE TABLE journal (
  seq           INTEGER PRIMARY KEY CHECK (seq > 0),
  at            INTEGER NOT NULL CHECK (at > 0),
  topic         TEXT NOT NULL CHECK (topic IN ('alarm', 'case', 'event', 'audit')),
  -- Id of the alarm or case; camera or device id for events; user id for audit rows.
  subject       TEXT NOT NULL,
  transition    TEXT NOT NULL CHECK (transition <> ''),
  -- Canonical JSON (keys sorted) of who did it, and of what it was.
  actor         TEXT NOT NULL CHECK (json_valid(actor)),
  data          TEXT NOT NULL CHECK (json_valid(data)),
  -- Lower-case hexadecimal; empty only in the first row.
  previous_hash TEXT NOT NULL CHECK (length(previous_hash) IN (0, 64)),
  hash          TEXT NOT NULL CHECK (length(hash) = 64)
) STRICT;

-- Reading one topic from a cursor costs what it returns, not what lies between.
CREATE INDEX journal_topic ON journal (topic, seq);

CREATE TRIGGER journal_is_not_edited BEFORE UPDATE ON journal
BEGIN
  SELECT raise(ABORT, 'the journal is append-only');
END;

CREATE TRIGGER journal_is_not_shortened BEFORE DELETE ON journal
BEGIN
  SELECT raise(ABORT, 'the journal is append-only');
END;

-- One row is one alarm in its newest state.
CREATE TABLE alarm (
  id              TEXT PRIMARY KEY CHECK (id <> ''),
  kind            TEXT NOT NULL,
  -- Site, building, unit, floor and lift joined by '/'.
  place_key       TEXT NOT NULL,
  -- Id of the camera or device that saw it.
  source          TEXT NOT NULL,
  raised_at       INTEGER NOT NULL CHECK (raised_at > 0),
  is_active       INTEGER NOT NULL CHECK (is_active IN (0, 1)),
  is_acknowledged INTEGER NOT NULL CHECK (is_acknowledged IN (0, 1)),
  case_id         TEXT,
  document        TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

-- One active alarm per kind, place and source; a repeat counts up instead.
CREATE UNIQUE INDEX alarm_active ON alarm (kind, place_key, source) WHERE is_active = 1;
CREATE INDEX alarm_newest ON alarm (raised_at, id);
CREATE INDEX alarm_newest_active ON alarm (raised_at, id) WHERE is_active = 1;
CREATE INDEX alarm_newest_unacknowledged ON alarm (raised_at, id) WHERE is_acknowledged = 0;
CREATE INDEX alarm_newest_of_kind ON alarm (kind, raised_at, id);

-- One row is one case in its newest state. Called case_record because CASE is a word of SQL.
CREATE TABLE case_record (
  id        TEXT PRIMARY KEY CHECK (id <> ''),
  -- The number people read, e.g. 2026-000123.
  number    TEXT NOT NULL UNIQUE,
  type      TEXT NOT NULL,
  place_key TEXT NOT NULL,
  state     TEXT NOT NULL,
  -- 1 while some state still follows.
  is_open   INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  opened_at INTEGER NOT NULL CHECK (opened_at > 0),
  document  TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

CREATE INDEX case_newest ON case_record (opened_at, id);
CREATE INDEX case_newest_open ON case_record (opened_at, id) WHERE is_open = 1;
CREATE INDEX case_newest_in_state ON case_record (state, opened_at, id);
CREATE INDEX case_newest_of_type ON case_record (type, opened_at, id);
CREATE INDEX case_at_place ON case_record (type, place_key, opened_at);

-- One row is one idempotency key that has moved a case: the same key never moves anything twice.
CREATE TABLE case_transition_key (
  key     TEXT PRIMARY KEY CHECK (key <> ''),
  case_id TEXT NOT NULL REFERENCES case_record (id),
  -- The journal row of the transition.
  seq     INTEGER NOT NULL REFERENCES journal (seq)
) STRICT, WITHOUT ROWID;

-- One row is one year's counter of case numbers; `last` is the newest one given away.
CREATE TABLE case_number (
  year INTEGER PRIMARY KEY CHECK (year BETWEEN 1970 AND 9999),
  last INTEGER NOT NULL CHECK (last > 0)
) STRICT;

-- One row is one committed evidence file. It is written in the transaction that adds the evidence to its alarm, after
-- the file is on the disk under its final name; a file without a row is left over from a crash.
CREATE TABLE evidence (
  id           TEXT PRIMARY KEY CHECK (id <> ''),
  alarm_id     TEXT NOT NULL REFERENCES alarm (id),
  type         TEXT NOT NULL CHECK (type IN ('snapshot', 'clip')),
  camera       TEXT NOT NULL,
  -- Span the file shows, on the gateway's clock.
  from_at      INTEGER NOT NULL,
  to_at        INTEGER NOT NULL CHECK (to_at >= from_at),
  content_type TEXT NOT NULL,
  -- Path below the evidence folder, '/' between the parts.
  file         TEXT NOT NULL UNIQUE,
  bytes        INTEGER NOT NULL CHECK (bytes >= 0),
  -- Of the file, lower-case hexadecimal.
  sha256       TEXT NOT NULL CHECK (length(sha256) = 64),
  created_at   INTEGER NOT NULL CHECK (created_at > 0),
  -- When retention removed the file; the row stays.
  deleted_at   INTEGER
) STRICT;

CREATE INDEX evidence_of_alarm ON evidence (alarm_id);
CREATE INDEX evidence_kept ON evidence (created_at) WHERE deleted_at IS NULL;

-- One row is one person (or machine) who may log in. Never deleted: the journal names them.
CREATE TABLE user (
  id            TEXT PRIMARY KEY CHECK (id <> ''),
  name          TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
  role          TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'caregiver', 'bridge')),
  is_disabled   INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
  created_at    INTEGER NOT NULL,
  -- A salted hash that names its own method and parameters; never a password.
  password_hash TEXT NOT NULL CHECK (password_hash <> '')
) STRICT;

-- One row is one login. The key is the SHA-256 of the token, so that a copy of this file opens no session.
CREATE TABLE session (
  token_hash   TEXT PRIMARY KEY CHECK (token_hash <> ''),
  user_id      TEXT NOT NULL REFERENCES user (id),
  created_at   INTEGER NOT NULL,
  last_used_at INTEGER NOT NULL,
  expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_end ON session (expires_at);
