-- Until when an alarm is shelved, read out of its document; NULL while it is not. The list of shelved alarms and the
-- search for shelvings that have ended, once a second, touch these few rows only.
ALTER TABLE alarm ADD COLUMN shelved_until INTEGER
  GENERATED ALWAYS AS (json_extract(document, '$.shelved.until')) VIRTUAL;
CREATE INDEX alarm_shelved ON alarm (raised_at, id) WHERE shelved_until IS NOT NULL;
