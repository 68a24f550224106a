-- Vaults: documents that are written here, with what their author says of them. A CHECK changes
-- only with its table, so the documents move into a new one; their ids, texts and passages stay.

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
  origin        TEXT NOT NULL CHECK (origin IN ('folder', 'upload', 'sample', 'vault')),
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
                            text_id, char_count, chunk_count, status, reason, origin, created_at,
                            updated_at)
  SELECT d.id, d.owner, d.source, d.title, d.kind, d.size_bytes, d.mtime_ns, d.sha256, d.revision,
         d.text_id, coalesce(length(t.text), 0), d.chunk_count, d.status, d.reason, d.origin,
         d.created_at, d.updated_at
  FROM documents AS d LEFT JOIN document_texts AS t ON t.id = d.text_id;

DROP TABLE documents;
ALTER TABLE documents_anew RENAME TO documents;

CREATE UNIQUE INDEX documents_by_text ON documents (text_id) WHERE text_id IS NOT NULL;
CREATE INDEX documents_by_owner ON documents (owner, status, chunk_count);
CREATE INDEX documents_by_origin ON documents (owner, origin, id);
