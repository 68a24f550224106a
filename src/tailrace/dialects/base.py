"""Floor 1: what a dialect promises; `tailrace.testing.dialects` proves it for anybody's.

Rule 1: a dialect is a pure projection of the log from its first event: no clock, no I/O.
Rule 2: where one event gives several frames, only the last carries an id.
Rule 3: every construct that is open is closed before the terminal frame.
"""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from tailrace.events.logged import LoggedEvent
from tailrace.wire.frame import Frame


class Dialect(Protocol):
    """Shapes one log for one viewer; holds what the frames so far have opened.

    Attributes:
        name: What `?dialect=` calls it.
        stateless: Whether a frame depends on its event alone, so that its bytes serve all viewers
            and a viewer may join anywhere. Others are fed the log from event 1, and the frames
            before the viewer's cursor are dropped.
    """

    name: ClassVar[str]
    stateless: ClassVar[bool]

    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        """The frames for this event; none where the dialect has no word for it."""
        ...
