-- Devices that were registered while the gateway ran. Instants are epoch milliseconds.

-- One row is one device that a person registered on the console. Where the site file names the same id, the site file
-- counts and the row sleeps.
CREATE TABLE device (
  id            TEXT PRIMARY KEY CHECK (id GLOB '[a-z0-9]*' AND length(id) <= 63),
  registered_at INTEGER NOT NULL CHECK (registered_at > 0),
  changed_at    INTEGER NOT NULL CHECK (changed_at >= registered_at),
  -- JSON as it was written: name (zh, en), kind, place, codec, options, address, groups, heartbeatSeconds (seconds).
  document      TEXT NOT NULL CHECK (json_valid(document))
) STRICT, WITHOUT ROWID;
