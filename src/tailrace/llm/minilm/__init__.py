"""Floor 1: MiniLM, an embedding model that comes as a package and runs on this machine."""
