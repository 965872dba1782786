-- What operators' verdicts teach the site, and the models it runs. Instants are epoch milliseconds.

-- One row is what one alarm showed: the crop on the disk, its embedding, and what a person said of it. Deleted for good
-- by retention or by a person, together with the file; nothing else refers to it but by its id in `learning_version`.
CREATE TABLE learning_example (
  id         TEXT PRIMARY KEY CHECK (id <> ''),
  alarm_id   TEXT NOT NULL UNIQUE REFERENCES alarm (id),
  -- Name and version of the detector; embeddings are comparable within one model only.
  model      TEXT NOT NULL,
  created_at INTEGER NOT NULL CHECK (created_at > 0),
  -- NULL until somebody has said what it was.
  verdict    TEXT CHECK (verdict IN ('confirmed', 'false-alarm')),
  -- Little-endian 32-bit floats, of unit length; NULL where the model has none.
  embedding  BLOB CHECK (embedding IS NULL OR length(embedding) % 4 = 0),
  -- Path below the folder of crops, '/' between the parts.
  file       TEXT NOT NULL UNIQUE,
  -- The rest as JSON: camera, lift, label, score, boxes (fractions of the frame), what else was seen, hash, verdict.
  document   TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

CREATE INDEX learning_example_newest ON learning_example (created_at, id);
CREATE INDEX learning_example_judged ON learning_example (model, created_at) WHERE verdict IS NOT NULL;

-- One row is one head fitted to verdicts, with what shadow evaluation said of it. Never changed.
CREATE TABLE learning_version (
  version    INTEGER PRIMARY KEY CHECK (version > 0),
  model      TEXT NOT NULL,
  created_at INTEGER NOT NULL CHECK (created_at > 0),
  document   TEXT NOT NULL CHECK (json_valid(document))
) STRICT;

-- One row is one turn of the switch of what was learned; the newest tells what runs, NULL is off.
CREATE TABLE learning_switch (
  id      INTEGER PRIMARY KEY,
  at      INTEGER NOT NULL CHECK (at > 0),
  version INTEGER REFERENCES learning_version (version),
  -- Id of the person, or 'gateway'.
  turned_by TEXT NOT NULL,
  reason  TEXT NOT NULL CHECK (reason IN ('person', 'better', 'rolled-back', 'confirmed-lost'))
) STRICT;

-- One row is one change of the model that looks into lifts; the newest tells which runs, as long as the site file still
-- names the model it named then.
CREATE TABLE model_switch (
  id         INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL CHECK (at > 0),
  -- Folder names of models.
  from_model TEXT NOT NULL,
  to_model   TEXT NOT NULL,
  -- models.lift of the site file at that time.
  site_model TEXT NOT NULL,
  turned_by  TEXT NOT NULL,
  reason     TEXT NOT NULL CHECK (reason IN ('person', 'rolled-back')),
  -- JSON: what was known when it was decided (comparison, alarm rates).
  data       TEXT NOT NULL CHECK (json_valid(data))
) STRICT;

-- One row is the comparison of a candidate with the model in use, as last written down.
CREATE TABLE model_comparison (
  active     TEXT NOT NULL,
  candidate  TEXT NOT NULL,
  since      INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  document   TEXT NOT NULL CHECK (json_valid(document)),
  PRIMARY KEY (active, candidate)
) STRICT, WITHOUT ROWID;
