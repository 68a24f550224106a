-- Runs that read documents in, beside those that answer a question.

ALTER TABLE runs ADD COLUMN kind TEXT NOT NULL DEFAULT 'chat' CHECK (kind IN ('chat', 'ingest'));

CREATE INDEX runs_by_kind ON runs (owner, kind, run_id);
