-- Documents and their passages. A text is written once and never changed; a document points at
-- its newest one, so that its revisions replace one another in one small write. A text that no
-- document points at is not there yet, or not any more.

CREATE TABLE document_texts (
  id   INTEGER PRIMARY KEY AUTOINCREMENT,
  text TEXT NOT NULL
) STRICT;

CREATE TABLE documents (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  owner       TEXT NOT NULL DEFAULT '',
  source      TEXT NOT NULL,
  title       TEXT NOT NULL,
  kind        TEXT NOT NULL,
  size_bytes  INTEGER NOT NULL,
  mtime_ns    INTEGER,
  sha256      TEXT NOT NULL,
  revision    INTEGER NOT NULL,
  text_id     INTEGER REFERENCES document_texts (id),
  chunk_count INTEGER NOT NULL,
  status      TEXT NOT NULL CHECK (status IN ('searchable', 'failed', 'skipped')),
  reason      TEXT NOT NULL DEFAULT '',
  origin      TEXT NOT NULL CHECK (origin IN ('folder', 'upload', 'sample')),
  created_at  TEXT NOT NULL,
  updated_at  TEXT NOT NULL,
  UNIQUE (owner, source)
) STRICT;
CREATE UNIQUE INDEX documents_by_text ON documents (text_id) WHERE text_id IS NOT NULL;
CREATE INDEX documents_by_owner ON documents (owner, status, chunk_count);

CREATE TABLE chunks (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  text_id    INTEGER NOT NULL REFERENCES document_texts (id),
  ordinal    INTEGER NOT NULL,
  heading    TEXT NOT NULL,
  char_start INTEGER NOT NULL,
  char_end   INTEGER NOT NULL,
  text       TEXT NOT NULL,
  UNIQUE (text_id, ordinal)
) STRICT;

CREATE VIRTUAL TABLE chunk_index USING fts5 (
  heading, text,
  content = '', contentless_delete = 1,
  tokenize = 'porter unicode61 remove_diacritics 2'
);

CREATE TABLE folders (
  owner    TEXT NOT NULL,
  path     TEXT NOT NULL,
  added_at TEXT NOT NULL,
  PRIMARY KEY (owner, path)
) STRICT, WITHOUT ROWID;

-- What was removed from a folder that is still read: it does not come back by itself.
CREATE TABLE excluded_sources (
  owner  TEXT NOT NULL,
  source TEXT NOT NULL,
  PRIMARY KEY (owner, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE samples_settled (
  owner      TEXT PRIMARY KEY,
  settled_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
