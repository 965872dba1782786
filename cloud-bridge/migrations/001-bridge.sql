-- The bridge's own memory. Instants are epoch milliseconds. Everything here can be rebuilt by reading the gateway's
-- journal again from the start: keys are the same then, and the platform recognises every repeat.

-- One row: where the bridge stands in the gateway's journal.
CREATE TABLE bridge (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  -- Names the sequence the platform sees; a lost outbox begins a new one.
  stream       TEXT    NOT NULL,
  -- The last journal row taken in, and its hash: another hash at this place means another journal.
  journal_seq  INTEGER NOT NULL DEFAULT 0 CHECK (journal_seq >= 0),
  journal_hash TEXT    NOT NULL DEFAULT ''
) STRICT;

-- A platform that cases go up to.
CREATE TABLE upstream (
  name        TEXT PRIMARY KEY,
  -- Highest sequence number given out.
  head        INTEGER NOT NULL DEFAULT 0 CHECK (head >= 0),
  -- Where the next poll goes on; NULL before the first page.
  poll_cursor TEXT
) STRICT;

-- A case seen in the journal, whether or not it goes up.
CREATE TABLE site_case (
  case_id         TEXT PRIMARY KEY,
  -- 1 once the gateway lifted it above the property (level is not P).
  is_due          INTEGER NOT NULL DEFAULT 0 CHECK (is_due IN (0, 1)),
  -- The upstream the gateway named, if it named one.
  wanted_upstream TEXT,
  -- Where it goes; NULL while it stays at the property or its upstream is not configured.
  upstream        TEXT REFERENCES upstream (name),
  -- The platform's number; NULL until the platform answered.
  upstream_ref    TEXT,
  -- Rank of the severity, 0 informational … 4 critical.
  severity        INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4),
  -- When it was closed or rejected; rows of ended cases are pruned after the retention.
  ended_at        INTEGER,
  CHECK (upstream IS NULL OR is_due = 1),
  CHECK (upstream_ref IS NULL OR upstream IS NOT NULL)
) STRICT;
CREATE INDEX site_case_unrouted ON site_case (case_id) WHERE is_due = 1 AND upstream IS NULL;
CREATE INDEX site_case_ended ON site_case (ended_at) WHERE ended_at IS NOT NULL;

-- Which alarms a case stands for.
CREATE TABLE case_alarm (
  alarm_id TEXT NOT NULL,
  case_id  TEXT NOT NULL REFERENCES site_case (case_id) ON DELETE CASCADE,
  PRIMARY KEY (alarm_id, case_id)
) STRICT, WITHOUT ROWID;

-- Evidence of an alarm, known before or after the alarm became a case.
CREATE TABLE alarm_evidence (
  evidence_id TEXT PRIMARY KEY,
  alarm_id    TEXT    NOT NULL,
  -- JSON: type, contentType, camera, fromAt, toAt, sha256.
  facts       TEXT    NOT NULL CHECK (json_valid(facts)),
  created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX alarm_evidence_alarm ON alarm_evidence (alarm_id);

-- One thing to be told to a platform. The states and their transitions are described in outbox.ts.
CREATE TABLE outbox (
  -- Order of the journal; within a case, order of sending.
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  case_id         TEXT    NOT NULL REFERENCES site_case (case_id) ON DELETE CASCADE,
  kind            TEXT    NOT NULL CHECK (kind IN ('open', 'transition', 'evidence')),
  -- site:case:transition. Unique: a journal row read twice is one delivery.
  idempotency_key TEXT    NOT NULL UNIQUE,
  -- JSON of a CaseReport, a TransitionReport or the facts of a piece of evidence.
  body            TEXT    NOT NULL CHECK (json_valid(body)),
  state           TEXT    NOT NULL CHECK (state IN ('held', 'waiting', 'sending', 'delivered', 'parked')),
  -- 2 x severity, plus 1 for opening a case. Higher goes first.
  priority        INTEGER NOT NULL,
  -- NULL while held.
  upstream        TEXT REFERENCES upstream (name),
  -- Place in the upstream's sequence, given when it became due.
  seq             INTEGER CHECK (seq >= 1),
  attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  -- Not before this instant.
  next_at         INTEGER NOT NULL DEFAULT 0,
  last_error      TEXT,
  -- What an operator can do about last_error.
  hint            TEXT,
  enqueued_at     INTEGER NOT NULL,
  delivered_at    INTEGER,
  CHECK (state = 'held' OR (upstream IS NOT NULL AND seq IS NOT NULL)),
  CHECK ((state = 'delivered') = (delivered_at IS NOT NULL)),
  UNIQUE (upstream, seq)
) STRICT;
CREATE INDEX outbox_next ON outbox (upstream, (kind = 'evidence'), priority DESC, id) WHERE state = 'waiting';
CREATE INDEX outbox_open ON outbox (case_id, id) WHERE state <> 'delivered';
CREATE INDEX outbox_state ON outbox (state) WHERE state IN ('sending', 'parked');
CREATE INDEX outbox_case ON outbox (case_id);

-- One thing to be told to the gateway. The states and their transitions are described in inbox.ts.
CREATE TABLE inbox (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  upstream    TEXT    NOT NULL REFERENCES upstream (name),
  -- The platform's id of the event; `link` for the case's number at the platform.
  event_id    TEXT    NOT NULL,
  kind        TEXT    NOT NULL CHECK (kind IN ('link', 'event')),
  case_id     TEXT    NOT NULL,
  -- 1, 2, 3 … within the case; 0 for the link, which goes first.
  case_seq    INTEGER NOT NULL CHECK (case_seq >= 0),
  body        TEXT    NOT NULL CHECK (json_valid(body)),
  -- 1 when it came by polling, which leaves nothing out; a webhook may overtake another.
  is_in_order INTEGER NOT NULL CHECK (is_in_order IN (0, 1)),
  state       TEXT    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'applied', 'refused')),
  attempts    INTEGER NOT NULL DEFAULT 0,
  next_at     INTEGER NOT NULL DEFAULT 0,
  last_error  TEXT,
  received_at INTEGER NOT NULL,
  settled_at  INTEGER,
  CHECK ((state = 'waiting') = (settled_at IS NULL)),
  UNIQUE (upstream, case_id, event_id)
) STRICT;
CREATE INDEX inbox_waiting ON inbox (id) WHERE state = 'waiting';
CREATE INDEX inbox_case ON inbox (case_id, case_seq);
CREATE INDEX inbox_refused ON inbox (id) WHERE state = 'refused';
