"""Floor 4: which node runs next."""
