"""Floor 1, the arrow log → dialect: events shaped into frames for one kind of client; pure."""
