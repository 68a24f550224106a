"""Floor 2, the arrow events → log: one run's log, its writer, its viewers."""
