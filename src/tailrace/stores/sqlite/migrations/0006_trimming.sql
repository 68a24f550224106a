-- What is let go of: the events of a run that ended long ago. Events up to `trimmed_seq` are gone,
-- and `trimmed_at` says when the last of them went; the run's terminal event stays.

ALTER TABLE runs ADD COLUMN trimmed_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN trimmed_at TEXT;

CREATE INDEX runs_to_trim ON runs (finished_at)
  WHERE finished_at IS NOT NULL AND trimmed_at IS NULL;
CREATE INDEX runs_by_conversation ON runs (conversation_id) WHERE conversation_id IS NOT NULL;
