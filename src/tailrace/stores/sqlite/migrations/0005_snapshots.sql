-- What each run that has ended amounts to, as one event: what it was before its terminal event.

CREATE TABLE snapshots (
  run      INTEGER PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
  gen      INTEGER NOT NULL,
  seq      INTEGER NOT NULL, -- the newest event in it
  data     BLOB NOT NULL,
  checksum INTEGER NOT NULL  -- CRC-32 of data
) STRICT;
