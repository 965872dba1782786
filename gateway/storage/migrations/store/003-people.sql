-- Whom an alarm concerns, and when somebody must be told next, read out of its document. The timers of escalation are
-- these few rows: they are written with the alarm itself and survive every restart.

-- Id of the elder; NULL where the alarm concerns nobody in particular.
ALTER TABLE alarm ADD COLUMN person TEXT
  GENERATED ALWAYS AS (json_extract(document, '$.person')) VIRTUAL;
CREATE INDEX alarm_of_person ON alarm (person, raised_at, id) WHERE person IS NOT NULL;

-- Epoch ms of the next step of its chain; NULL while nobody is called, and for ever once somebody has answered.
ALTER TABLE alarm ADD COLUMN next_step_at INTEGER
  GENERATED ALWAYS AS (json_extract(document, '$.response.nextAt')) VIRTUAL;
CREATE INDEX alarm_next_step ON alarm (next_step_at) WHERE next_step_at IS NOT NULL;

-- 1 while a message about it may not have reached its channel yet: sent again at the next start.
ALTER TABLE alarm ADD COLUMN has_waiting_notice INTEGER
  GENERATED ALWAYS AS (instr(json_extract(document, '$.told'), '"state":"waiting"') > 0) VIRTUAL;
CREATE INDEX alarm_waiting_notice ON alarm (id) WHERE has_waiting_notice = 1;

-- The person of the site file this account belongs to: what a caregiver may see. NULL for others.
ALTER TABLE user ADD COLUMN person TEXT CHECK (person <> '');

-- One row is one browser that a person has allowed to be woken by Web Push. Removed when its push service says so.
CREATE TABLE push_subscription (
  -- URL of the push service for this browser.
  endpoint   TEXT PRIMARY KEY CHECK (endpoint <> ''),
  person     TEXT NOT NULL CHECK (person <> ''),
  -- Keys of RFC 8291, base64url without padding.
  p256dh     TEXT NOT NULL CHECK (length(p256dh) = 87),
  auth       TEXT NOT NULL CHECK (length(auth) = 22),
  created_at INTEGER NOT NULL CHECK (created_at > 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX push_subscription_of_person ON push_subscription (person);
