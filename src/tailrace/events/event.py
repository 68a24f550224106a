"""Floor 0: StreamEvent, one thing that happened in one run.

Rule 1: an event never changes after it was made; the log gives it its identity by making a copy.
Rule 2: `to_dict` and the native wire write the same fields in the same order.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast

import msgspec

from tailrace._clock import SYSTEM_CLOCK
from tailrace.errors import CursorError, InvalidRequestError
from tailrace.events.types import TERMINAL_STAGES, EventType, NodeType, WorkflowStage

if TYPE_CHECKING:
    JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"
else:
    JSON = Any  # msgspec resolves annotations at run time and knows no recursive alias


def _now() -> datetime:
    return SYSTEM_CLOCK.now()


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that happened in one run.

    Attributes:
        type: What kind of thing happened.
        content: Text for people, or the increment of a chunk.
        progress: Share of the stage that is done, 0.0 to 1.0; None where it is unknown.
        timestamp: When it happened; aware, UTC.
        stage: Where the run was; None where no stage applies.
        node: Which node spoke; None where none did.
        metadata: A JSON object; treat it as frozen.
        run_id: The run; empty before the log accepts the event.
        gen: The generation of the log, from 1; 0 before the log accepts the event.
        seq: Position in the log, from 1 without gaps; 0 before the log accepts the event.
        epoch: The fencing number of the attempt that wrote it; 0 before the log accepts it.
    """

    type: EventType
    content: str = msgspec.field(default_factory=str)  # a factory, so "" is written too
    progress: float | None = None
    timestamp: datetime = msgspec.field(default_factory=_now)
    stage: WorkflowStage | None = None
    node: NodeType | None = None
    metadata: dict[str, JSON] = msgspec.field(default_factory=dict)
    run_id: str = ""
    gen: int = 0
    seq: int = 0
    epoch: int = 0

    @property
    def is_terminal(self) -> bool:
        """Whether this event ends its run."""
        return self.stage in TERMINAL_STAGES

    @property
    def cursor(self) -> "Cursor":
        """Where a viewer stands that has seen this event."""
        return Cursor(self.gen, self.seq)

    @property
    def first_seq(self) -> int:
        """The seq of the first event it stands for: its own, but for chunks that were merged."""
        span = self.metadata.get("merged")
        return self.seq if span is None else cast("list[int]", span)[0]

    @classmethod
    def from_dict(cls, data: Mapping[str, JSON]) -> Self:
        """The event that `to_dict` wrote as `data`.

        Raises:
            InvalidRequestError: a field is missing or of the wrong type; unknown fields pass.
        """
        try:
            event = msgspec.convert(data, cls)
        except msgspec.ValidationError as exc:
            msg = f"this is not a stream event: {exc}"
            raise InvalidRequestError(msg) from exc
        if event.timestamp.tzinfo is None:
            event = msgspec.structs.replace(event, timestamp=event.timestamp.replace(tzinfo=UTC))
        return event

    def to_dict(self) -> dict[str, JSON]:
        """A JSON object: the seed's fields in the seed's order, then the identity once logged."""
        return cast("dict[str, JSON]", msgspec.to_builtins(self))

    def to_json_bytes(self) -> bytes:
        """`to_dict` as UTF-8 JSON on one line."""
        return _ENCODER.encode(self)

    def to_json_string(self) -> str:
        """`to_dict` as JSON on one line, not ASCII-escaped."""
        return self.to_json_bytes().decode()

    @classmethod
    def from_json_bytes(cls, data: bytes) -> "StreamEvent":
        """The event that `to_json_bytes` wrote.

        Raises:
            InvalidRequestError: the bytes are not a stream event.
        """
        try:
            return _DECODER.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            msg = f"this is not a stream event: {exc}"
            raise InvalidRequestError(msg) from exc

    @classmethod
    def create_node_event(
        cls,
        node_type: NodeType,
        event_type: EventType,
        stage: WorkflowStage,
        message: str,
        duration: float | None = None,
        error: str | None = None,
        *,
        progress: float | None = None,
        **metadata: JSON,
    ) -> Self:
        """A node's status, for people to read; `duration` in seconds."""
        if duration is not None:
            metadata["duration"] = duration
        if error is not None:
            metadata["error"] = error
        return cls(
            type=event_type,
            content=message,
            progress=progress,
            stage=stage,
            node=node_type,
            metadata=metadata,
        )

    @classmethod
    def create_workflow_event(
        cls,
        event_type: EventType,
        stage: WorkflowStage,
        message: str,
        workflow_id: str,
        **metadata: JSON,
    ) -> Self:
        """Something that concerns the run as a whole."""
        return cls(
            type=event_type,
            content=message,
            stage=stage,
            metadata={"workflow_id": workflow_id, **metadata},
        )

    @classmethod
    def create_chunk(
        cls,
        content: str,
        index: int = 0,
        total: int | None = None,
        is_final: bool = False,  # noqa: FBT001, FBT002 - the seed's own signature
        *,
        stage: WorkflowStage = WorkflowStage.EXECUTION,
        **metadata: JSON,
    ) -> Self:
        """An increment of the answer; the log sets `index` and `offset` anew."""
        metadata["index"] = index
        if total is not None:
            metadata["total"] = total
        if is_final:
            metadata["is_final"] = True
        return cls(
            type=EventType.STREAM_CHUNK,
            content=content,
            stage=stage,
            metadata=metadata,
        )


class Cursor(msgspec.Struct, frozen=True, order=True):
    """The id of the last event a viewer has seen; `<gen>-<seq>` on the wire.

    `<gen>-0` stands before the first event.
    """

    gen: int
    seq: int

    def __str__(self) -> str:
        return f"{self.gen}-{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The cursor written as `text`.

        Raises:
            CursorError: it is not of the form `<gen>-<seq>` in plain ASCII digits.
        """
        found = _CURSOR.fullmatch(text)
        if found is None:
            msg = f"the cursor {text[:40]!r} is not of the form <gen>-<seq>, for example 1-42"
            raise CursorError(msg)
        return cls(int(found[1]), int(found[2]))


_CURSOR = re.compile(r"(0|[1-9][0-9]{0,9})-(0|[1-9][0-9]{0,15})", re.ASCII)

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(StreamEvent)
