"""Floor 2: ingest, search and judge: from files to the passages that may answer a question."""
