-- Passages are found by parts of words too, and by meaning. What was here before gets both by and
-- by, a little at a time: until then it stands in `chunks_unfinished`.

ALTER TABLE chunks ADD COLUMN sha256 BLOB; -- of its headings and its text: what is embedded
CREATE INDEX chunks_by_sha256 ON chunks (sha256) WHERE sha256 IS NOT NULL;

CREATE TABLE chunks_unfinished (
  chunk_id INTEGER PRIMARY KEY
) STRICT;
INSERT INTO chunks_unfinished SELECT id FROM chunks;

CREATE VIRTUAL TABLE chunk_parts USING fts5 (
  text,
  content = '', contentless_delete = 1,
  tokenize = 'trigram remove_diacritics 1'
);
-- its segments are merged in steps of our own: what it does by itself takes longer than a write may
INSERT INTO chunk_parts (chunk_parts, rank) VALUES ('automerge', 0);
INSERT INTO chunk_parts (chunk_parts, rank) VALUES ('crisismerge', 64);

CREATE TABLE embedding_models (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  name       TEXT NOT NULL UNIQUE,
  dimensions INTEGER NOT NULL
) STRICT;

-- One row for a passage's words, however many passages have them: its parts one after another,
-- each a scale (float32) and its dimensions (int8).
CREATE TABLE vectors (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 BLOB NOT NULL,
  model  INTEGER NOT NULL REFERENCES embedding_models (id),
  data   BLOB NOT NULL,
  UNIQUE (sha256, model)
) STRICT;
CREATE INDEX vectors_by_model ON vectors (model, id);
