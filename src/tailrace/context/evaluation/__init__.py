"""Floor 2: how good the search is, measured on questions with known answers."""
