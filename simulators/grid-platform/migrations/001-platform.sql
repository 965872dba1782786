-- The simulated grid platform's books. Instants are epoch milliseconds.

-- A case as the platform runs it.
CREATE TABLE grid_case (
  ref          TEXT PRIMARY KEY,
  site         TEXT    NOT NULL,
  case_id      TEXT    NOT NULL,
  state        TEXT    NOT NULL,
  -- 'property' while the site handles it, 'street' when a unit of the street does, '' before the dispatch.
  handled_by   TEXT    NOT NULL DEFAULT '' CHECK (handled_by IN ('', 'property', 'street')),
  report       TEXT    NOT NULL CHECK (json_valid(report)),
  opened_at    INTEGER NOT NULL,
  rework_count INTEGER NOT NULL DEFAULT 0,
  -- When the automatic mode takes the next step; NULL when it waits for somebody.
  next_at      INTEGER,
  UNIQUE (site, case_id)
) STRICT;
CREATE INDEX grid_case_due ON grid_case (next_at) WHERE next_at IS NOT NULL;

-- Every step, whoever took it.
CREATE TABLE history (
  id           INTEGER PRIMARY KEY,
  ref          TEXT    NOT NULL REFERENCES grid_case (ref),
  -- 'site' or 'platform'.
  origin       TEXT    NOT NULL CHECK (origin IN ('site', 'platform')),
  to_state     TEXT    NOT NULL,
  role         TEXT    NOT NULL,
  at           INTEGER NOT NULL,
  received_at  INTEGER NOT NULL,
  is_applied   INTEGER NOT NULL CHECK (is_applied IN (0, 1)),
  -- The site's journal number of the step; orders what one case reported.
  site_id      TEXT,
  -- JSON: actorName, organisation, unit, note, reason.
  details      TEXT    NOT NULL CHECK (json_valid(details))
) STRICT;
CREATE INDEX history_case ON history (ref, id);

-- What the platform tells the sites: webhook and polling read the same rows.
CREATE TABLE event (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT    NOT NULL UNIQUE,
  site         TEXT    NOT NULL,
  ref          TEXT    NOT NULL REFERENCES grid_case (ref),
  case_seq     INTEGER NOT NULL,
  body         TEXT    NOT NULL CHECK (json_valid(body)),
  -- When the site's webhook took it; NULL until then.
  told_at      INTEGER,
  tries        INTEGER NOT NULL DEFAULT 0,
  UNIQUE (ref, case_seq)
) STRICT;
CREATE INDEX event_site ON event (site, seq);

-- Every idempotency key ever applied, with the first answer.
CREATE TABLE delivery (
  key          TEXT PRIMARY KEY,
  site         TEXT    NOT NULL,
  kind         TEXT    NOT NULL CHECK (kind IN ('open', 'transition', 'evidence')),
  ref          TEXT    NOT NULL,
  answer       TEXT    NOT NULL CHECK (json_valid(answer)),
  -- 1 = arrived once; everything above is a duplicate that was recognised.
  received     INTEGER NOT NULL DEFAULT 1,
  first_at     INTEGER NOT NULL,
  last_at      INTEGER NOT NULL
) STRICT;

-- Numbers of the site's sequence that have arrived.
CREATE TABLE sequence (
  site         TEXT    NOT NULL,
  stream       TEXT    NOT NULL,
  seq          INTEGER NOT NULL,
  PRIMARY KEY (site, stream, seq)
) STRICT, WITHOUT ROWID;

-- The highest number the site said it had given out.
CREATE TABLE stream (
  site         TEXT    NOT NULL,
  stream       TEXT    NOT NULL,
  head         INTEGER NOT NULL DEFAULT 0,
  seen_at      INTEGER NOT NULL,
  PRIMARY KEY (site, stream)
) STRICT;

-- A file handed in with a case.
CREATE TABLE evidence (
  ref          TEXT    NOT NULL REFERENCES grid_case (ref),
  evidence_id  TEXT    NOT NULL,
  meta         TEXT    NOT NULL CHECK (json_valid(meta)),
  sha256       TEXT    NOT NULL,
  -- Path below the evidence folder.
  file         TEXT    NOT NULL,
  PRIMARY KEY (ref, evidence_id)
) STRICT;

-- Nonces inside the replay window, so that a restart does not open it.
CREATE TABLE nonce (
  nonce        TEXT PRIMARY KEY,
  until        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests turned away, by reason.
CREATE TABLE refusal (
  code         TEXT PRIMARY KEY,
  count        INTEGER NOT NULL
) STRICT;
