-- What scenes have learnt of people and places: habits by the hour, usual pulses. A file of its own: it may be deleted,
-- and the scenes learn anew. A row goes with its scene: when a person leaves the site file, or takes a consent back.

-- One row is one running scene.
CREATE TABLE scene_memory (
  -- <scene>/<target>, as elder-inactivity/elder:elder-301.
  scene    TEXT PRIMARY KEY,
  -- Epoch milliseconds.
  saved_at INTEGER NOT NULL,
  -- JSON, the scene's own form.
  learnt   TEXT NOT NULL CHECK (json_valid(learnt))
) STRICT, WITHOUT ROWID;
