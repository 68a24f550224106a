"""Floor 6, a door: HTTP; a request comes in, frames go out as they are made."""
