"""Floor 0: Snapshot, what a run amounts to so far, as one event for a reader that comes late.

Rule 1: a fold restored from a snapshot, with the events after it, is the fold of them all; a
    `retract` that goes back before the snapshot included.
Rule 2: it is as long as what it tells, however many events told it.
Rule 3: it is sent and kept, and never in the log; it holds no terminal event: that one follows it.
"""

from datetime import datetime
from typing import Final, cast

import msgspec

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.increments import Mark
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, WorkflowStage

WAITING: Final = "waiting"
"""Among the stages a run has spent time in: that it waited for its user."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Something a node said for people to read."""

    type: EventType
    content: str
    stage: WorkflowStage | None
    progress: float | None
    timestamp: datetime


class Said(msgspec.Struct, frozen=True):
    """A status, and the event it came in."""

    seq: int
    status: Status


class Fact(msgspec.Struct, frozen=True):
    """An event's metadata: a source, a citation, a tool call or its result, a user's answer."""

    seq: int
    metadata: dict[str, JSON]


class Standing(msgspec.Struct, frozen=True):
    """How far the run was from the event `seq` on."""

    seq: int
    stage: WorkflowStage
    progress: float | None


class Visit(msgspec.Struct, frozen=True):
    """What the run's time was spent on since `at`: a stage, or waiting for its user.

    It stays when its event is retracted: the time was spent.
    """

    seq: int
    stage: str
    at: datetime


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a run after the event `seq`; each list in the order of its events.

    Attributes:
        seq: The newest event that is folded.
        text: The answer so far.
        run: The metadata of event 1: the ids of run, session, conversation, messages.
        chunks: Which events the answer came in.
        reasoning: The model's own reasoning text so far.
        reasoning_chunks: Which events that came in.
        statuses: What nodes said, `thinking` included.
        asked: The `input_required` events that still count.
        inputs: What the user was asked and has answered.
        usage: Tokens so far; empty where nothing is known.
    """

    seq: int
    text: str
    run: dict[str, JSON]
    chunks: list[Mark]
    reasoning: str
    reasoning_chunks: list[Mark]
    stages: list[Standing]
    visits: list[Visit]
    statuses: list[Said]
    sources: list[Fact]
    citations: list[Fact]
    tools: list[Fact]
    asked: list[StreamEvent]
    inputs: list[Fact]
    usage: dict[str, JSON]

    @classmethod
    def of_event(cls, event: StreamEvent) -> "Snapshot":
        """The state that `event`, a `snapshot`, holds."""
        return msgspec.convert(
            {**event.metadata, "seq": event.seq, "text": event.content}, cls, strict=False
        )

    def to_event(self, last: StreamEvent) -> LoggedEvent:
        """The state as an event, encoded; `last` is the newest one that is folded."""
        facts = cast("dict[str, JSON]", msgspec.structs.asdict(self))
        del facts["seq"], facts["text"]
        now = self.stages[-1] if self.stages else None
        event = StreamEvent(
            type=EventType.SNAPSHOT,
            content=self.text,
            progress=now.progress if now else None,
            timestamp=last.timestamp,
            stage=now.stage if now else None,
            metadata=facts,
            run_id=last.run_id,
            gen=last.gen,
            seq=self.seq,
            epoch=last.epoch,
        )
        # not `LoggedEvent.of`: the lists in `event` are the fold's own, and go on changing
        return LoggedEvent(event.gen, event.seq, event.type.value, event.to_json_bytes())
