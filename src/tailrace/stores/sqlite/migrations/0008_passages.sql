-- Passages are found by parts of words too, and by meaning. What was here before is filled in by
-- and by: a passage whose `sha256` is NULL stands in the trigram index not yet.

ALTER TABLE chunks ADD COLUMN sha256 BLOB; -- of what is embedded of it: its headings and its text
CREATE INDEX chunks_by_sha256 ON chunks (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX chunks_unfinished ON chunks (id) WHERE sha256 IS NULL;

CREATE VIRTUAL TABLE chunk_parts USING fts5 (
  text,
  content = '', contentless_delete = 1,
  tokenize = 'trigram remove_diacritics 1'
);

CREATE TABLE embedding_models (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL UNIQUE,
  dimensions INTEGER NOT NULL
) STRICT;

-- One row for a passage's words, however many passages have them; its parts one after another,
-- each a scale (float32) and its dimensions (int8).
CREATE TABLE vectors (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 BLOB NOT NULL,
  model  INTEGER NOT NULL REFERENCES embedding_models (id),
  data   BLOB NOT NULL,
  UNIQUE (sha256, model)
) STRICT;
CREATE INDEX vectors_by_model ON vectors (model, id);
