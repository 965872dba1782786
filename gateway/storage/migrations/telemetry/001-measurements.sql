-- What devices measured. A file of its own: it may be deleted or lose its newest second without touching an alarm.
--
-- Instants are epoch milliseconds. `type` says what JavaScript type a value had: 0 number, 1 boolean (stored as 0 or 1),
-- 2 string.

-- One row is one metric of one device; `id` stands for it in the rows below.
CREATE TABLE series (
  id     INTEGER PRIMARY KEY,
  device TEXT NOT NULL,
  -- camelCase with its unit: temperatureCelsius, batteryPercent, isOpen.
  metric TEXT NOT NULL,
  UNIQUE (device, metric)
) STRICT;

-- One row is one value. A second value for the same instant replaces the first: a message delivered twice counts once.
CREATE TABLE measurement (
  series_id INTEGER NOT NULL REFERENCES series (id),
  -- The device's own instant where its clock is trusted, the gateway's receipt otherwise.
  at        INTEGER NOT NULL,
  type      INTEGER NOT NULL CHECK (type IN (0, 1, 2)),
  value     ANY NOT NULL,
  PRIMARY KEY (series_id, at)
) STRICT, WITHOUT ROWID;

-- One row is the newest value of a series; it outlives the retention of `measurement`.
CREATE TABLE latest (
  series_id     INTEGER PRIMARY KEY REFERENCES series (id),
  at            INTEGER NOT NULL,
  device_at     INTEGER NOT NULL,
  ingested_at   INTEGER NOT NULL,
  clock_trusted INTEGER NOT NULL CHECK (clock_trusted IN (0, 1)),
  type          INTEGER NOT NULL CHECK (type IN (0, 1, 2)),
  value         ANY NOT NULL
) STRICT;
