"""Floor 7, a door: the command line. Commands ask a `Door`, which is this process or a server."""
