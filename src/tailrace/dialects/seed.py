"""Floor 1: the seed dialect: what MineContext's clients, unmodified, show correctly.

Its desktop client turns frames into one bubble and a list of messages: `thinking` and `running`
replace the bubble's text, the first `stream_chunk` starts it anew and later ones append,
`stream_complete` makes a message of whatever text the bubble has, `completed` makes one of its own
content and drops the bubble, and `fail` of any stage drops the bubble and ends the turn. Its web
page goes by the stage and shows an answer only from `completed`. Both ignore `interrupted`, and
types and fields they do not know. So:

Rule 1: after the first chunk no status frame, for it would overwrite the answer; but a `retract`
    is one `running` frame whose content is the kept text, which the next chunks then extend.
Rule 2: an answer ends as `completed` with the whole text, then `stream_complete`. Where the answer
    is empty, so is `completed`: it drops the bubble, or a status line would be the answer.
Rule 3: a failure ends as `completed` with the partial text, if there is any, then `fail`.
Rule 4: a `fail` before the end is left out: it would drop the partial text and end the turn while
    the run goes on. The terminal `fail` tells what happened.
Rule 5: a stop ends as `interrupted`, then `stream_complete`, which keeps the bubble's text; so one
    that comes before the first chunk is preceded by an empty status: no status line may be kept.
Rule 6: the stage `cancelled`, which the seed does not know, never appears; a stopped run's
    `stream_complete` has the stage `completed`, and its metadata the outcome.
"""

from collections.abc import Sequence
from typing import ClassVar, assert_never, cast

import msgspec

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, WorkflowStage
from tailrace.wire.frame import Frame

_INTERRUPTED = b'{"type":"interrupted","content":"Message generation was interrupted"}'


class _SessionStart(msgspec.Struct, frozen=True, tag_field="type", tag="session_start"):
    session_id: JSON
    assistant_message_id: JSON
    run_id: str


class SeedDialect:
    """MineContext's stream; holds the answer's text, and whether any of it was sent."""

    name: ClassVar[str] = "seed"
    stateless: ClassVar[bool] = False

    def __init__(self) -> None:
        self._parts: list[tuple[int, str]] = []
        self._chunked = False
        self._stage = WorkflowStage.INIT  # of the bubble

    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        """The seed's frames for this event; none where the seed has no word for it."""
        event = logged.event
        payloads = self._ending(event) if event.is_terminal else self._payloads(logged, event)
        if not payloads:
            return ()
        *earlier, last = payloads
        return (*map(Frame, earlier), Frame(last, f"{logged.gen}-{logged.seq}"))

    def _payloads(self, logged: LoggedEvent, event: StreamEvent) -> list[bytes]:
        match event.type:
            case EventType.STREAM_CHUNK:
                self._parts.append((event.seq, event.content))
                self._chunked = True
                self._stage = event.stage or self._stage
                return [logged.memo(self.name, _seed_fields)]
            case EventType.THINKING | EventType.RUNNING:
                if self._chunked:
                    return []
                self._stage = event.stage or self._stage
                status = logged.memo(self.name, _seed_fields)
                return [_session_start(event), status] if event.seq == 1 else [status]
            case EventType.DONE:
                return [logged.memo(self.name, _seed_fields)]
            case EventType.RETRACT:
                return self._retract(event)
            case (
                EventType.FAIL
                | EventType.COMPLETED
                | EventType.STREAM_COMPLETE
                | EventType.INTERRUPTED
                | EventType.REASONING_CHUNK
                | EventType.SOURCE
                | EventType.CITATION
                | EventType.TOOL_CALL
                | EventType.TOOL_RESULT
                | EventType.USAGE
                | EventType.INPUT_REQUIRED
                | EventType.SNAPSHOT
            ):
                return []
            case _:
                assert_never(event.type)

    def _retract(self, event: StreamEvent) -> list[bytes]:
        discard_after = cast("int", event.metadata["discard_after"])
        while self._parts and self._parts[-1][0] > discard_after:
            self._parts.pop()
        return [self._status(event, self._text)] if self._chunked else []

    def _ending(self, event: StreamEvent) -> list[bytes]:
        text = self._text
        if event.stage is WorkflowStage.FAILED:
            partial = [_completed(event, text)] if text.strip() else []
            return [*partial, _seed_fields_of(event)]
        if event.stage is WorkflowStage.CANCELLED:
            no_status_left = [] if self._chunked else [self._status(event, "")]
            return [*no_status_left, _INTERRUPTED, _stream_complete(event)]
        whole = event.content if event.type is EventType.COMPLETED else text
        return [_completed(event, whole), _stream_complete(event)]

    @property
    def _text(self) -> str:
        return "".join(text for _, text in self._parts)

    def _status(self, event: StreamEvent, content: str) -> bytes:
        status = StreamEvent(
            type=EventType.RUNNING, content=content, timestamp=event.timestamp, stage=self._stage
        )
        return status.to_json_bytes()


def _session_start(opening: StreamEvent) -> bytes:
    ids = opening.metadata
    start = _SessionStart(
        session_id=ids.get("session_id"),
        assistant_message_id=ids.get("assistant_message_id"),
        run_id=opening.run_id,
    )
    return msgspec.json.encode(start)


def _completed(terminal: StreamEvent, content: str) -> bytes:
    completed = StreamEvent(
        type=EventType.COMPLETED,
        content=content,
        progress=terminal.progress,
        timestamp=terminal.timestamp,
        stage=WorkflowStage.COMPLETED,
    )
    return completed.to_json_bytes()


def _stream_complete(terminal: StreamEvent) -> bytes:
    complete = StreamEvent(
        type=EventType.STREAM_COMPLETE,
        progress=terminal.progress,
        timestamp=terminal.timestamp,
        stage=WorkflowStage.COMPLETED,
        metadata=terminal.metadata,
    )
    return complete.to_json_bytes()


def _seed_fields(logged: LoggedEvent) -> bytes:
    return _seed_fields_of(logged.event)


def _seed_fields_of(event: StreamEvent) -> bytes:
    """The event without the identity the log gave it, which the seed does not know."""
    return msgspec.structs.replace(event, run_id="", gen=0, seq=0, epoch=0).to_json_bytes()
