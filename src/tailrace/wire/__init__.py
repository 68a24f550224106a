"""Floor 0, the arrow frames → bytes: how bytes are framed; knows no event."""
