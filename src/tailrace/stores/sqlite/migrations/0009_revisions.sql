-- The texts that were replaced, so that what an old answer cites can be opened and checked. They
-- have no chunks: they are shown, and never searched. How many are kept is in `revisions.py`.
-- No reference to `documents`: that table is made anew by migrations, and ids are not given twice.

CREATE TABLE document_revisions (
  document_id INTEGER NOT NULL,
  revision    INTEGER NOT NULL,
  text_id     INTEGER NOT NULL REFERENCES document_texts (id),
  size_bytes  INTEGER NOT NULL,
  char_count  INTEGER NOT NULL,
  replaced_at TEXT NOT NULL,
  PRIMARY KEY (document_id, revision)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX document_revisions_by_text ON document_revisions (text_id);
