-- Runs, their logs, conversations and documents. All times are ISO 8601 in UTC.

CREATE TABLE conversations (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  owner       TEXT NOT NULL DEFAULT '',
  title       TEXT,
  user_id     TEXT,
  page_name   TEXT NOT NULL DEFAULT 'home',
  status      TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deleted')),
  metadata    TEXT NOT NULL DEFAULT '{}',
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL
) STRICT;
CREATE INDEX conversations_by_use ON conversations (owner, status, updated_at DESC, id DESC);

CREATE TABLE runs (
  id                   INTEGER PRIMARY KEY,
  run_id               TEXT NOT NULL UNIQUE,
  owner                TEXT NOT NULL DEFAULT '',
  query                TEXT NOT NULL,
  request              TEXT NOT NULL,
  request_sha256       TEXT NOT NULL DEFAULT '',
  idempotency_key      TEXT,
  session_id           TEXT NOT NULL,
  conversation_id      INTEGER REFERENCES conversations (id),
  user_message_id      INTEGER,
  assistant_message_id INTEGER,
  state                TEXT NOT NULL CHECK (
    state IN ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
  stage                TEXT NOT NULL,
  gen                  INTEGER NOT NULL DEFAULT 1,
  epoch                INTEGER NOT NULL DEFAULT 0,
  attempts             INTEGER NOT NULL DEFAULT 0,
  worker               TEXT,
  lease_until          TEXT,
  outcome              TEXT,
  error_code           TEXT,
  created_at           TEXT NOT NULL,
  updated_at           TEXT NOT NULL,
  finished_at          TEXT
) STRICT;
CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (owner, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX runs_by_owner ON runs (owner, run_id DESC);
CREATE INDEX runs_live ON runs (state) WHERE state IN ('queued', 'running', 'waiting');

CREATE TABLE messages (
  id                INTEGER PRIMARY KEY AUTOINCREMENT,
  conversation_id   INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
  run_id            TEXT REFERENCES runs (run_id),
  parent_message_id TEXT,
  role              TEXT NOT NULL,
  content           TEXT NOT NULL DEFAULT '',
  status            TEXT NOT NULL CHECK (
    status IN ('pending', 'streaming', 'completed', 'failed', 'cancelled')),
  token_count       INTEGER NOT NULL DEFAULT 0,
  metadata          TEXT NOT NULL DEFAULT '{}',
  latency_ms        INTEGER NOT NULL DEFAULT 0,
  error_message     TEXT NOT NULL DEFAULT '',
  created_at        TEXT NOT NULL,
  updated_at        TEXT NOT NULL,
  completed_at      TEXT
) STRICT;
CREATE INDEX messages_by_conversation ON messages (conversation_id, id);
CREATE INDEX messages_by_run ON messages (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE message_thinking (
  id         INTEGER PRIMARY KEY,
  message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  content    TEXT NOT NULL,
  stage      TEXT,
  progress   REAL,
  sequence   INTEGER NOT NULL,
  metadata   TEXT NOT NULL DEFAULT '{}',
  created_at TEXT NOT NULL,
  UNIQUE (message_id, sequence)
) STRICT;

CREATE TABLE stages (
  run        INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  stage      TEXT NOT NULL,
  epoch      INTEGER NOT NULL,
  seq        INTEGER NOT NULL,
  output     TEXT NOT NULL,
  PRIMARY KEY (run, stage)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  run      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
  gen      INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  type     TEXT NOT NULL,
  data     BLOB NOT NULL,
  checksum INTEGER NOT NULL, -- CRC-32 of data
  PRIMARY KEY (run, gen, seq)
) STRICT, WITHOUT ROWID;
