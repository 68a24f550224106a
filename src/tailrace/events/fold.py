"""Floor 0: RunFold, what a run amounts to after its events so far. Pure: no clock, no I/O.

Rule 1: the same events give the same fold, whoever folds them: writer, store, viewer, recovery.
Rule 2: a `retract` takes back everything after its `discard_after`, except usage and time.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar, cast

import msgspec

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.types import EventType, WorkflowStage

_STATUS_TYPES: Final = frozenset({EventType.RUNNING, EventType.DONE, EventType.FAIL})

WAITING: Final = "waiting"
"""Among the stages a run has spent time in: that it waited for its user."""

T = TypeVar("T")


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Something a node said for people to read."""

    type: EventType
    content: str
    stage: WorkflowStage | None
    progress: float | None
    timestamp: datetime


class RunFold:
    """The fold of a log: text, stage, progress, statuses, sources, usage, and how it ended."""

    __slots__ = (
        "_asked",
        "_citations",
        "_inputs",
        "_length",
        "_parts",
        "_reasoning",
        "_sources",
        "_stages",
        "_statuses",
        "_tools",
        "_visited",
        "last_seq",
        "terminal",
        "usage",
    )

    def __init__(self) -> None:
        self.last_seq = 0
        self.usage: dict[str, JSON] = {}
        self.terminal: StreamEvent | None = None
        self._length = 0
        self._parts: list[tuple[int, str]] = []
        self._reasoning: list[tuple[int, str]] = []
        self._statuses: list[tuple[int, Status]] = []
        self._sources: list[tuple[int, dict[str, JSON]]] = []
        self._citations: list[tuple[int, dict[str, JSON]]] = []
        self._tools: list[tuple[int, dict[str, JSON]]] = []
        self._asked: list[tuple[int, StreamEvent]] = []
        self._inputs: list[tuple[int, dict[str, JSON]]] = []
        self._stages: list[tuple[int, WorkflowStage, float | None]] = []
        self._visited: list[tuple[str, datetime]] = []

    def apply(self, event: StreamEvent) -> None:
        """Take in the next event of the log."""
        self.last_seq = event.seq
        if event.stage is not None:
            self._enter(event.seq, event.stage, event.progress, event.timestamp)
        if event.is_terminal:
            self.terminal = event
            return
        item = (event.seq, event.metadata)
        match event.type:
            case EventType.STREAM_CHUNK:
                self._parts.append((event.seq, event.content))
                self._length += len(event.content)
            case EventType.REASONING_CHUNK:
                self._reasoning.append((event.seq, event.content))
            case EventType.SOURCE:
                self._sources.append(item)
            case EventType.CITATION:
                self._citations.append(item)
            case EventType.TOOL_CALL | EventType.TOOL_RESULT:
                self._tools.append(item)
            case EventType.USAGE:
                self.usage = event.metadata
            case EventType.RETRACT:
                self._retract(cast("int", event.metadata["discard_after"]))
            case _:
                self._say(event)

    @property
    def text(self) -> str:
        """The answer so far, without what was retracted."""
        return "".join(text for _, text in self._parts)

    @property
    def text_length(self) -> int:
        """Unicode code points of the answer so far: the offset of the next chunk."""
        return self._length

    @property
    def chunk_count(self) -> int:
        """Chunks of the answer so far: the index of the next one."""
        return len(self._parts)

    @property
    def reasoning(self) -> str:
        """The model's own reasoning text so far."""
        return "".join(text for _, text in self._reasoning)

    @property
    def stage(self) -> WorkflowStage:
        """Where the run is."""
        return self._stages[-1][1] if self._stages else WorkflowStage.INIT

    @property
    def progress(self) -> float | None:
        """Share of the stage that is done; None where it is unknown."""
        return self._stages[-1][2] if self._stages else None

    @property
    def thinking(self) -> list[Status]:
        """What nodes said while they thought, in order."""
        return [status for _, status in self._statuses if status.type is EventType.THINKING]

    @property
    def statuses(self) -> list[Status]:
        """What nodes said otherwise, in order: running, done, fail."""
        return [status for _, status in self._statuses if status.type in _STATUS_TYPES]

    @property
    def sources(self) -> list[dict[str, JSON]]:
        """The passages found, in order."""
        return [source for _, source in self._sources]

    @property
    def citations(self) -> list[dict[str, JSON]]:
        """Which part of the answer rests on which passage."""
        return [citation for _, citation in self._citations]

    @property
    def tools(self) -> list[dict[str, JSON]]:
        """Tool calls and their results, in order."""
        return [tool for _, tool in self._tools]

    @property
    def input_required(self) -> StreamEvent | None:
        """The event that asks for what the run waits for; None where it waits for nothing."""
        if self.terminal is not None or not self._asked:
            return None
        asked = self._asked[-1][1]
        told = (given["request_id"] for _, given in self._inputs)
        return None if asked.metadata["request_id"] in told else asked

    @property
    def inputs(self) -> list[dict[str, JSON]]:
        """What the user was asked and has answered, in order: `request_id, question, input`."""
        return [given for _, given in self._inputs]

    @property
    def started_at(self) -> datetime | None:
        """When the first event happened; None before it."""
        return self._visited[0][1] if self._visited else None

    def seconds_by_stage(self, until: datetime) -> dict[str, JSON]:
        """Seconds spent in each stage up to `until`, summed over visits.

        What was spent waiting for the user stands apart, under `waiting`.
        """
        spent: dict[str, float] = {}
        ends = [at for _, at in self._visited[1:]] + [until]
        for (stage, start), end in zip(self._visited, ends, strict=True):
            spent[stage] = spent.get(stage, 0.0) + (end - start).total_seconds()
        return {str(stage): round(seconds, 6) for stage, seconds in spent.items()}

    def _enter(self, seq: int, stage: WorkflowStage, progress: float | None, at: datetime) -> None:
        if not self._visited or self._visited[-1][0] is not stage:
            self._visited.append((stage, at))
        last = self._stages[-1] if self._stages else None
        if last is not None and last[1] is stage and progress in {None, last[2]}:
            return
        self._stages.append((seq, stage, progress))

    def _ask(self, event: StreamEvent) -> None:
        self._asked.append((event.seq, event))
        self._visited.append((WAITING, event.timestamp))

    def _hear(self, event: StreamEvent) -> None:
        """Take in the answer to what was asked last; a stray one means nothing."""
        asked = self.input_required
        if asked is None or asked.metadata["request_id"] != event.metadata["request_id"]:
            return
        given: dict[str, JSON] = {"question": asked.metadata.get("question", ""), **event.metadata}
        self._inputs.append((event.seq, given))

    def _say(self, event: StreamEvent) -> None:
        if event.type is EventType.INPUT_REQUIRED:
            self._ask(event)
            return
        if event.type is EventType.DONE and "request_id" in event.metadata:
            self._hear(event)
        status = Status(
            type=event.type,
            content=event.content,
            stage=event.stage,
            progress=event.progress,
            timestamp=event.timestamp,
        )
        self._statuses.append((event.seq, status))

    def _retract(self, discard_after: int) -> None:
        def kept(item: tuple[int, object]) -> bool:
            return item[0] <= discard_after

        _drop_tail(self._parts, kept)
        _drop_tail(self._reasoning, kept)
        _drop_tail(self._statuses, kept)
        _drop_tail(self._sources, kept)
        _drop_tail(self._citations, kept)
        _drop_tail(self._tools, kept)
        _drop_tail(self._asked, kept)
        _drop_tail(self._inputs, kept)
        while self._stages and self._stages[-1][0] > discard_after:
            self._stages.pop()
        self._length = sum(len(text) for _, text in self._parts)


def _drop_tail(items: list[tuple[int, T]], kept: Callable[[tuple[int, T]], bool]) -> None:
    while items and not kept(items[-1]):
        items.pop()
