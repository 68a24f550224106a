"""Floor 0: Receipt, what has arrived of a run, checked against what its terminal event says.

Rule: a stream is whole only if every seq came once, in order, each chunk where the one before it
ended, and the terminal event's `last_seq` and `content_sha256` fit what came. A merged chunk stands
for the chunks it names, a snapshot for every event up to its own seq.
"""

from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType, Outcome


class Receipt:
    """The fold of the events that arrived, and what is wrong with them.

    Attributes:
        fold: What they amount to.
        problems: What does not fit, a sentence each; empty while all is well.
    """

    def __init__(self, after_seq: int = 0) -> None:
        """Expect the event after `after_seq` first; only from 0 on is the text known whole."""
        self.fold = RunFold()
        self.problems: list[str] = []
        self._knows_text = after_seq == 0
        self._last_seq = after_seq

    def take(self, event: StreamEvent) -> None:
        """Take in the next event that arrived."""
        if event.type is EventType.SNAPSHOT:
            self._knows_text = True
        elif (first := event.first_seq) != self._last_seq + 1:
            expected = self._last_seq + 1
            self.problems.append(f"event {first} arrived where event {expected} was due")
        self._last_seq = event.seq
        if event.type is EventType.STREAM_CHUNK and self._knows_text:
            self._check_offset(event)
        self.fold.apply(event)
        if event.is_terminal:
            self._check_ending(event)

    @property
    def outcome(self) -> Outcome | None:
        """How the run ended; None where its end has not arrived."""
        terminal = self.fold.terminal
        name = None if terminal is None else terminal.metadata.get("outcome")
        return Outcome(name) if name in list(Outcome) else None

    def _check_offset(self, event: StreamEvent) -> None:
        offset, length = event.metadata.get("offset"), self.fold.text_length
        if offset is not None and offset != length:
            self.problems.append(f"a piece of the answer starts at {offset}, not at {length}")

    def _check_ending(self, event: StreamEvent) -> None:
        last_seq = event.metadata.get("last_seq")
        if last_seq != event.seq:
            self.problems.append(f"the run has {last_seq} events, and {event.seq} was its last")
        sha256 = event.metadata.get("content_sha256")
        if self._knows_text and sha256 != content_sha256(self.fold.text):
            self.problems.append("the answer that arrived is not the answer that was written")
