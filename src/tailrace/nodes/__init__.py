"""Floor 3, the arrow run → nodes → events: the work, one node a stage."""
