-- Where documents come from besides: the web, and past conversations, which are searched as
-- documents are. A CHECK changes only with its table, as in 0003. Passages get their page.

CREATE TABLE documents_anew (
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  owner         TEXT NOT NULL DEFAULT '',
  source        TEXT NOT NULL,
  title         TEXT NOT NULL,
  kind          TEXT NOT NULL,
  size_bytes    INTEGER NOT NULL,
  mtime_ns      INTEGER,
  sha256        TEXT NOT NULL,
  revision      INTEGER NOT NULL,
  text_id       INTEGER REFERENCES document_texts (id),
  char_count    INTEGER NOT NULL,
  chunk_count   INTEGER NOT NULL,
  status        TEXT NOT NULL CHECK (status IN ('searchable', 'failed', 'skipped')),
  reason        TEXT NOT NULL DEFAULT '',
  origin        TEXT NOT NULL CHECK (
    origin IN ('folder', 'upload', 'sample', 'vault', 'web', 'conversation')),
  summary       TEXT NOT NULL DEFAULT '',
  tags          TEXT NOT NULL DEFAULT '',
  document_type TEXT NOT NULL DEFAULT '',
  created_at    TEXT NOT NULL,
  updated_at    TEXT NOT NULL,
  UNIQUE (owner, source)
) STRICT;

-- the id of a document that was removed is not given away again
INSERT INTO sqlite_sequence (name, seq)
  SELECT 'documents_anew', seq FROM sqlite_sequence WHERE name = 'documents';

INSERT INTO documents_anew (id, owner, source, title, kind, size_bytes, mtime_ns, sha256, revision,
                            text_id, char_count, chunk_count, status, reason, origin, summary, tags,
                            document_type, created_at, updated_at)
  SELECT id, owner, source, title, kind, size_bytes, mtime_ns, sha256, revision, text_id,
         char_count, chunk_count, status, reason, origin, summary, tags, document_type, created_at,
         updated_at
  FROM documents;

DROP TABLE documents;
ALTER TABLE documents_anew RENAME TO documents;

CREATE UNIQUE INDEX documents_by_text ON documents (text_id) WHERE text_id IS NOT NULL;
CREATE INDEX documents_by_owner ON documents (owner, status, chunk_count);
CREATE INDEX documents_by_origin ON documents (owner, origin, id);

ALTER TABLE chunks ADD COLUMN page INTEGER;
