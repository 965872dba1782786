-- Values in blobs instead of a row each: a batch is one row the moment it arrives, and is sorted into hours later.
--
--   batch (as it arrived) ──every few minutes──▶ chunk (one series, one hour, one part) ──hour over──▶ chunk part 0, rollup
--
-- The rows of `measurement` are moved to `chunk` at the first start of this version, and the table is dropped then.

-- One row is one stretch of arrivals; its number orders the parts of an hour and is never used again.
CREATE TABLE generation (
  id INTEGER PRIMARY KEY AUTOINCREMENT
) STRICT;

-- One row is one batch that is not in `chunk` yet, packed as telemetry-blob.ts says.
CREATE TABLE batch (
  id         INTEGER PRIMARY KEY,
  generation INTEGER NOT NULL,
  data       BLOB NOT NULL
) STRICT;

-- One row is values of one series within one hour, sorted. Part 0 is the whole hour as known when it was rolled up; other
-- parts are generations that came since. Where two parts have the same instant, the higher generation stands.
CREATE TABLE chunk (
  series_id INTEGER NOT NULL REFERENCES series (id),
  -- Epoch hours.
  hour      INTEGER NOT NULL,
  part      INTEGER NOT NULL,
  data      BLOB NOT NULL,
  PRIMARY KEY (series_id, hour, part)
) STRICT, WITHOUT ROWID;

-- One row is one hour of one series of numbers or booleans (as 0 and 1), made from its chunks.
CREATE TABLE rollup (
  series_id INTEGER NOT NULL REFERENCES series (id),
  hour      INTEGER NOT NULL,
  count     INTEGER NOT NULL CHECK (count > 0),
  minimum   REAL NOT NULL,
  maximum   REAL NOT NULL,
  mean      REAL NOT NULL,
  -- The same for each minute, packed; NULL once minutes have outlived their retention.
  minutes   BLOB,
  PRIMARY KEY (series_id, hour)
) STRICT, WITHOUT ROWID;

-- Minutes that may have outlived their retention are found without reading those that are gone.
CREATE INDEX rollup_minutes ON rollup (series_id, hour) WHERE minutes IS NOT NULL;

-- One row is one hour that has values its rollup does not know of.
CREATE TABLE unrolled (
  hour      INTEGER NOT NULL,
  series_id INTEGER NOT NULL REFERENCES series (id),
  PRIMARY KEY (hour, series_id)
) STRICT, WITHOUT ROWID;
