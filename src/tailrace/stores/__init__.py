"""Floor 1: where runs, conversations and documents are kept; a base, a registry, an adapter."""
