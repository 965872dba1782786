-- An example may now be a sighting that what was learned took back: it has no alarm, and a person may say what it was.
-- SQLite cannot drop NOT NULL from a column: the table is made anew. Nothing refers to it.
CREATE TABLE learning_example_next (
  id         TEXT PRIMARY KEY CHECK (id <> ''),
  -- NULL: it was taken back, so no alarm was raised.
  alarm_id   TEXT UNIQUE REFERENCES alarm (id),
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
INSERT INTO learning_example_next SELECT * FROM learning_example;
DROP TABLE learning_example;
ALTER TABLE learning_example_next RENAME TO learning_example;

CREATE INDEX learning_example_newest ON learning_example (created_at, id);
CREATE INDEX learning_example_judged ON learning_example (model, created_at) WHERE verdict IS NOT NULL;
CREATE INDEX learning_example_taken_back ON learning_example (created_at) WHERE alarm_id IS NULL AND verdict IS NULL;
