"""Floor 1: everything in one SQLite file, through one writer thread."""
