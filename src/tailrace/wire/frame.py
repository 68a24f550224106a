"""Floor 0: Frame, one piece of a dialect on its way to the wire."""

import msgspec


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One piece of what a client receives.

    Attributes:
        data: The payload: UTF-8, usually one line of JSON.
        id: The cursor a client stands at once it has this frame; None leaves the client's as it is.
        event: The SSE event name; None for the default, `message`.
    """

    data: bytes
    id: str | None = None
    event: str | None = None
