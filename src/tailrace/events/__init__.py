"""Floor 0: what happened in a run, one `StreamEvent` each, and the fold of a run's events."""
