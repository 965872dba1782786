-- Telemetry that waits for its server: lines of the InfluxDB line protocol, oldest first. Deleted once accepted.

-- One row is what came in together.
CREATE TABLE lines (
  id    INTEGER PRIMARY KEY AUTOINCREMENT,
  -- How many lines there are in it.
  count INTEGER NOT NULL CHECK (count > 0),
  -- Separated by line feeds.
  text  TEXT NOT NULL
) STRICT;
