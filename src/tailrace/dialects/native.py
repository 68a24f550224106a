"""Floor 1: the native dialect: every event as the log has it.

Rule 1: a frame is the event's stored bytes; nothing is encoded for a viewer.
"""

from collections.abc import Sequence
from typing import ClassVar

from tailrace.events.logged import LoggedEvent
from tailrace.wire.frame import Frame


class NativeDialect:
    """Everything, for clients of our own: one frame an event, its id the event's cursor."""

    name: ClassVar[str] = "native"
    stateless: ClassVar[bool] = True

    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        """The event itself."""
        return (Frame(logged.data, f"{logged.gen}-{logged.seq}"),)
