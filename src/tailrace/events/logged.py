"""Floor 0: LoggedEvent, an event together with the bytes it was stored and is sent as."""

from collections.abc import Callable

from tailrace.events.event import Cursor, StreamEvent


class LoggedEvent:
    """An event that the log has accepted; its bytes are made once and sent to all.

    Attributes:
        gen: The generation of the log, from 1.
        seq: Position in the log, from 1.
        type: The event's type, for filters that need not decode.
        data: The event as `StreamEvent.to_json_bytes` writes it.
    """

    __slots__ = ("_event", "_memo", "data", "gen", "seq", "type")

    def __init__(
        self, gen: int, seq: int, type_: str, data: bytes, event: StreamEvent | None = None
    ) -> None:
        self.gen = gen
        self.seq = seq
        self.type = type_
        self.data = data
        self._event = event
        self._memo: dict[str, bytes] | None = None

    @classmethod
    def of(cls, event: StreamEvent) -> "LoggedEvent":
        """The event, encoded; it must have its identity already."""
        return cls(event.gen, event.seq, event.type.value, event.to_json_bytes(), event)

    @property
    def event(self) -> StreamEvent:
        """The event, decoded at first use."""
        if self._event is None:
            self._event = StreamEvent.from_json_bytes(self.data)
        return self._event

    @property
    def cursor(self) -> Cursor:
        """Where a viewer stands that has seen this event."""
        return Cursor(self.gen, self.seq)

    def memo(self, key: str, make: Callable[["LoggedEvent"], bytes]) -> bytes:
        """What `make` gives for this event; made once per `key`, however many viewers ask."""
        if self._memo is None:
            self._memo = {}
        made = self._memo.get(key)
        if made is None:
            made = self._memo[key] = make(self)
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LoggedEvent) and self.data == other.data

    def __hash__(self) -> int:
        return hash(self.data)

    def __repr__(self) -> str:
        return f"LoggedEvent({self.cursor}, {self.data!r})"
