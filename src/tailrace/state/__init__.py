"""Floor 2: where a run is: its state, and which stage may follow which."""
