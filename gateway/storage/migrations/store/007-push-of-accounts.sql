-- Browsers belong to accounts, not to persons: an account that is closed, or is somebody else's now, wakes nobody any
-- more. No page could allow a browser before, so nothing is carried over.
DROP TABLE push_subscription;

-- One row is one browser that the holder of an account has allowed to be woken by Web Push. Removed when its push
-- service says so.
CREATE TABLE push_subscription (
  -- URL of the push service for this browser.
  endpoint   TEXT PRIMARY KEY CHECK (endpoint <> ''),
  account    TEXT NOT NULL REFERENCES user (id),
  -- Keys of RFC 8291, base64url without padding.
  p256dh     TEXT NOT NULL CHECK (length(p256dh) = 87),
  auth       TEXT NOT NULL CHECK (length(auth) = 22),
  created_at INTEGER NOT NULL CHECK (created_at > 0)
) STRICT, WITHOUT ROWID;

CREATE INDEX push_subscription_of_account ON push_subscription (account);
