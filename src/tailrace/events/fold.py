"""Floor 0: RunFold, what a run amounts to after its events so far. Pure: no clock, no I/O.

Rule 1: the same events give the same fold, whoever folds them: writer, store, viewer, recovery.
Rule 2: a `retract` takes back everything after its `discard_after`, except usage and time.
Rule 3: a `snapshot` takes the place of all events up to its own seq.
"""

from datetime import datetime
from typing import Protocol, Self, TypeVar, cast

from tailrace.events.event import JSON, StreamEvent
from tailrace.events.increments import Increments
from tailrace.events.logged import LoggedEvent
from tailrace.events.snapshot import WAITING, Fact, Said, Snapshot, Standing, Status, Visit
from tailrace.events.types import EventType, WorkflowStage

_STATUS_TYPES = frozenset({EventType.RUNNING, EventType.DONE, EventType.FAIL})


class _Placed(Protocol):
    @property
    def seq(self) -> int: ...


P = TypeVar("P", bound=_Placed)


class RunFold:
    """The fold of a log: text, stage, progress, statuses, sources, usage, and how it ended."""

    __slots__ = (
        "_answer",
        "_asked",
        "_citations",
        "_inputs",
        "_last",
        "_reasoning",
        "_run",
        "_sources",
        "_stages",
        "_statuses",
        "_tools",
        "_visits",
        "last_seq",
        "terminal",
        "usage",
    )

    def __init__(self) -> None:
        self.last_seq = 0
        self.usage: dict[str, JSON] = {}
        self.terminal: StreamEvent | None = None
        self._last: StreamEvent | None = None
        self._run: dict[str, JSON] = {}
        self._answer = Increments()
        self._reasoning = Increments()
        self._statuses: list[Said] = []
        self._sources: list[Fact] = []
        self._citations: list[Fact] = []
        self._tools: list[Fact] = []
        self._asked: list[StreamEvent] = []
        self._inputs: list[Fact] = []
        self._stages: list[Standing] = []
        self._visits: list[Visit] = []

    @classmethod
    def restored(cls, snapshot: StreamEvent) -> Self:
        """The fold that `snapshot` was made of."""
        fold = cls()
        fold.apply(snapshot)
        return fold

    def apply(self, event: StreamEvent) -> None:
        """Take in the next event of the log."""
        self.last_seq = event.seq
        if event.is_terminal:
            self.terminal = event
            return
        self._last = event
        if event.type is EventType.SNAPSHOT:
            self._restore(Snapshot.of_event(event))
            return
        if event.stage is not None:
            self._enter(event, event.stage)
        match event.type:
            case EventType.STREAM_CHUNK:
                self._answer.add(event)
            case EventType.REASONING_CHUNK:
                self._reasoning.add(event)
            case EventType.USAGE:
                self.usage = event.metadata
            case EventType.RETRACT:
                self._retract(cast("int", event.metadata["discard_after"]))
            case _:
                self._say(event)

    def snapshot(self) -> LoggedEvent:
        """What it amounts to, as one event; how it ended is for the terminal event to say.

        Nothing may be asked of a fold without events.
        """
        last = cast("StreamEvent", self._last)
        chunks, reasoning_chunks = self._answer.marks(), self._reasoning.marks()
        return Snapshot(
            seq=last.seq,
            text=self.text,
            run=self._run,
            chunks=chunks,
            reasoning=self.reasoning,
            reasoning_chunks=reasoning_chunks,
            stages=self._stages,
            visits=self._visits,
            statuses=self._statuses,
            sources=self._sources,
            citations=self._citations,
            tools=self._tools,
            asked=self._asked,
            inputs=self._inputs,
            usage=self.usage,
        ).to_event(last)

    def is_increment(self, seq: int) -> bool:
        """Whether the event `seq` is a piece of the answer or of the reasoning that counts."""
        return self._answer.holds(seq) or self._reasoning.holds(seq)

    @property
    def text(self) -> str:
        """The answer so far, without what was retracted."""
        return self._answer.text

    @property
    def text_length(self) -> int:
        """Unicode code points of the answer so far: the offset of the next chunk."""
        return self._answer.length

    @property
    def chunk_count(self) -> int:
        """Chunks of the answer so far: the index of the next one."""
        return self._answer.count

    @property
    def reasoning(self) -> str:
        """The model's own reasoning text so far."""
        return self._reasoning.text

    @property
    def stage(self) -> WorkflowStage:
        """Where the run is."""
        if self.terminal is not None and self.terminal.stage is not None:
            return self.terminal.stage
        return self._stages[-1].stage if self._stages else WorkflowStage.INIT

    @property
    def progress(self) -> float | None:
        """Share of the stage that is done; None where it is unknown."""
        if self.terminal is not None:
            return self.terminal.progress
        return self._stages[-1].progress if self._stages else None

    @property
    def thinking(self) -> list[Status]:
        """What nodes said while they thought, in order."""
        return [said.status for said in self._statuses if said.status.type is EventType.THINKING]

    @property
    def statuses(self) -> list[Status]:
        """What nodes said otherwise, in order: running, done, fail."""
        return [said.status for said in self._statuses if said.status.type in _STATUS_TYPES]

    @property
    def sources(self) -> list[dict[str, JSON]]:
        """The passages found, in order."""
        return [source.metadata for source in self._sources]

    @property
    def citations(self) -> list[dict[str, JSON]]:
        """Which part of the answer rests on which passage."""
        return [citation.metadata for citation in self._citations]

    @property
    def tools(self) -> list[dict[str, JSON]]:
        """Tool calls and their results, in order."""
        return [tool.metadata for tool in self._tools]

    @property
    def input_required(self) -> StreamEvent | None:
        """The event that asks for what the run waits for; None where it waits for nothing."""
        if self.terminal is not None or not self._asked:
            return None
        asked = self._asked[-1]
        told = (given.metadata["request_id"] for given in self._inputs)
        return None if asked.metadata["request_id"] in told else asked

    @property
    def inputs(self) -> list[dict[str, JSON]]:
        """What the user was asked and has answered, in order: `request_id, question, input`."""
        return [given.metadata for given in self._inputs]

    @property
    def started_at(self) -> datetime | None:
        """When the first event happened; None before it."""
        return self._visits[0].at if self._visits else None

    def seconds_by_stage(self, until: datetime) -> dict[str, JSON]:
        """Seconds spent in each stage up to `until`, summed over visits.

        What was spent waiting for the user stands apart, under `waiting`.
        """
        spent: dict[str, float] = {}
        ends = [visit.at for visit in self._visits[1:]] + [until]
        for visit, end in zip(self._visits, ends, strict=True):
            seconds = max(0.0, (end - visit.at).total_seconds())  # the clock may be set back
            spent[visit.stage] = spent.get(visit.stage, 0.0) + seconds
        return {stage: round(seconds, 6) for stage, seconds in spent.items()}

    def _enter(self, event: StreamEvent, stage: WorkflowStage) -> None:
        if not self._visits or self._visits[-1].stage != stage:
            self._visits.append(Visit(event.first_seq, stage.value, event.timestamp))
        last = self._stages[-1] if self._stages else None
        if last is not None and last.stage is stage and event.progress in (None, last.progress):
            return
        self._stages.append(Standing(event.first_seq, stage, event.progress))

    def _ask(self, event: StreamEvent) -> None:
        self._asked.append(event)
        self._visits.append(Visit(event.seq, WAITING, event.timestamp))

    def _hear(self, event: StreamEvent) -> None:
        """Take in the answer to what was asked last; a stray one means nothing."""
        asked = self.input_required
        if asked is None or asked.metadata["request_id"] != event.metadata["request_id"]:
            return
        given: dict[str, JSON] = {"question": asked.metadata.get("question", ""), **event.metadata}
        self._inputs.append(Fact(event.seq, given))

    def _say(self, event: StreamEvent) -> None:
        facts = self._facts_of(event.type)
        if facts is not None:
            facts.append(Fact(event.seq, event.metadata))
            return
        if event.type is EventType.INPUT_REQUIRED:
            self._ask(event)
            return
        if event.seq == 1:
            self._run = event.metadata
        if event.type is EventType.DONE and "request_id" in event.metadata:
            self._hear(event)
        status = Status(
            type=event.type,
            content=event.content,
            stage=event.stage,
            progress=event.progress,
            timestamp=event.timestamp,
        )
        self._statuses.append(Said(event.seq, status))

    def _facts_of(self, kind: EventType) -> list[Fact] | None:
        match kind:
            case EventType.SOURCE:
                return self._sources
            case EventType.CITATION:
                return self._citations
            case EventType.TOOL_CALL | EventType.TOOL_RESULT:
                return self._tools
            case _:
                return None

    def _retract(self, discard_after: int) -> None:
        self._answer.take_back(discard_after)
        self._reasoning.take_back(discard_after)
        _drop_tail(self._statuses, discard_after)
        _drop_tail(self._sources, discard_after)
        _drop_tail(self._citations, discard_after)
        _drop_tail(self._tools, discard_after)
        _drop_tail(self._asked, discard_after)
        _drop_tail(self._inputs, discard_after)
        _drop_tail(self._stages, discard_after)

    def _restore(self, snapshot: Snapshot) -> None:
        self.usage = snapshot.usage
        self._run = snapshot.run
        self._answer = Increments(snapshot.text, snapshot.chunks)
        self._reasoning = Increments(snapshot.reasoning, snapshot.reasoning_chunks)
        self._statuses = snapshot.statuses
        self._sources = snapshot.sources
        self._citations = snapshot.citations
        self._tools = snapshot.tools
        self._asked = snapshot.asked
        self._inputs = snapshot.inputs
        self._stages = snapshot.stages
        self._visits = snapshot.visits


def _drop_tail(items: list[P], after: int) -> None:
    while items and items[-1].seq > after:
        items.pop()
