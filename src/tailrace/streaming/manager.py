"""StreamingManager: the one writer of one run's log, and the way to its viewers. Floor 2.

Rule 1: commit before delivery: no viewer sees an event that a crash could take back.
Rule 2: `seq`, `index` and `offset` are given when a batch is sealed for its commit; one commit
    is under way at a time, and what is said meanwhile makes the next one (no timer, no polling).
Rule 3: after a terminal event was emitted, nothing more is taken.
Rule 4: it belongs to the event loop that made it.
Rule 5: a commit whose answer is lost, or that has no room, is tried again for a moment, the same.
Rule 6: a run that waits goes on with one event, `resume`; until that is committed it still waits.
Rule 7: `fold` is ahead of the log only while a commit is under way; a snapshot is made when not.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Final, Self, cast

import msgspec

from tailrace.errors import (
    FencedError,
    InvalidRequestError,
    LogClosedError,
    StoreError,
    TailraceError,
    WrongLoopError,
)
from tailrace.events.ending import with_facts
from tailrace.events.event import JSON, Cursor, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType
from tailrace.stores.base import FinalState, RunRow, RunStore, StageResult
from tailrace.stores.final import final_state
from tailrace.streaming.commit import Commit
from tailrace.streaming.log import EventLog, Sink
from tailrace.streaming.pending import Pending, PendingBuffer
from tailrace.streaming.viewer import LiveLog, view

_NEWEST = 1_000
_INPUT_REQUIRED: Final = EventType.INPUT_REQUIRED


class StreamingManager:
    """Writes one run's log and opens viewers on it.

    Attributes:
        run_id: The run.
        log: The committed tail.
        fold: What the run amounts to, up to the newest event that was sealed.
    """

    def __init__(
        self, run: RunRow, first_event: LoggedEvent, store: RunStore, log_memory_bytes: int
    ) -> None:
        self.run_id = run.run_id
        self.log = EventLog(log_memory_bytes)
        self.fold = RunFold()
        self._gen = run.gen
        self._epoch = run.epoch
        self._store = store
        self._loop = asyncio.get_running_loop()
        self._pending = PendingBuffer()
        self._room: set[asyncio.Future[None]] = set()
        self._commit: Commit | None = None
        self._batch: list[Pending] = []
        self._sealed: list[LoggedEvent] = []
        self._snapshot: LoggedEvent | None = None
        self._asked_to_show: list[asyncio.Future[LoggedEvent | None]] = []
        self._ending = False
        self._error: StoreError | None = None
        self.fold.apply(first_event.event)
        self.log.append([first_event], terminal=False)

    @classmethod
    def restored(
        cls, run: RunRow, events: Sequence[LoggedEvent], store: RunStore, log_memory_bytes: int
    ) -> Self:
        """The manager of a run that an earlier process began; `events` are its whole log."""
        manager = cls(run, events[0], store, log_memory_bytes)
        for logged in events[1:]:
            manager.fold.apply(logged.event)
        if events[1:]:
            manager.log.append(events[1:], terminal=False)
        return manager

    @property
    def epoch(self) -> int:
        """The fencing number it writes under."""
        return self._epoch

    @property
    def ending(self) -> bool:
        """Whether the run has said its last: its terminal event is emitted, or cannot be."""
        return self._ending or self._error is not None

    @property
    def fenced(self) -> bool:
        """Whether the run is another worker's by now; nothing more is written here."""
        return isinstance(self._error, FencedError)

    async def emit(self, event: StreamEvent, stage_result: StageResult | None = None) -> None:
        """Say `event`; it is stored first and then shown to every viewer.

        Returns at once while there is room; a terminal event, one with a `stage_result`, and an
        `input_required`, from which on the run waits, return after their commit.

        Raises:
            LogClosedError: the run has said its last.
            StoreError: the log can no longer be written.
            WrongLoopError: called from another event loop than the manager's own.
        """
        if asyncio.get_running_loop() is not self._loop:
            msg = f"the manager of run {self.run_id} belongs to another event loop"
            raise WrongLoopError(msg)
        while self._pending.full and not self.ending and not event.is_terminal:
            room: asyncio.Future[None] = self._loop.create_future()
            self._room.add(room)
            await room
        self._check_open()
        if event.type is EventType.RETRACT:
            self._check_retract(event)
        is_terminal = event.is_terminal
        if not is_terminal and stage_result is None and event.type is not _INPUT_REQUIRED:
            self._add(Pending(event))
            return
        self._ending = is_terminal
        committed: asyncio.Future[None] = self._loop.create_future()
        self._add(Pending(event, stage_result=stage_result, committed=committed))
        await asyncio.shield(committed)

    async def stream(self, after: Cursor | None = None) -> AsyncGenerator[StreamEvent, None]:
        """A new viewer: every event after `after`, from the start by default, to the terminal one.

        Closing it ends the viewer, never the run.

        Raises:
            CursorError: `after` is ahead of the log.
            StoreError: the log can no longer be read or written.
        """
        async for events in self.view(after, max_bytes=64 * 1024):
            for logged in events:
                yield logged.event

    def view(
        self,
        after: Cursor | None,
        max_bytes: int,
        *,
        may_merge: bool = False,
        sink: Sink | None = None,
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """As `stream`, in batches of whatever waits, each up to `max_bytes` but at least one.

        Where it `may_merge`, a viewer that falls behind gets adjacent chunks as one, and a
        snapshot where memory has let go of what it lacks. A `sink` is given what comes while the
        viewer is up to date; that is not yielded.
        """
        log = LiveLog(self.run_id, self._gen, self._store, self.log)
        return view(log, after, max_bytes, self.snapshot if may_merge else None, sink)

    async def snapshot(self) -> LoggedEvent | None:
        """What the log amounts to now, but for its terminal event; made once for all who ask.

        None where only the store knows, because it could not be written from here.
        """
        if self._error is not None:
            return None
        if self._commit is None:
            return self._shown()
        asked: asyncio.Future[LoggedEvent | None] = self._loop.create_future()
        self._asked_to_show.append(asked)
        return await asked

    def newest_events(self) -> Sequence[StreamEvent]:
        """The newest events of the log, at most 1,000, oldest first."""
        return [logged.event for logged in self.log.newest(_NEWEST)]

    def claimed(self, run: RunRow, missing: Sequence[LoggedEvent] = ()) -> None:
        """Go on under the epoch of `run`, which this process has just claimed.

        Args:
            run: As the claim gave it.
            missing: The events its log has got since it was restored here.
        """
        self._epoch = run.epoch
        for logged in missing:
            self.fold.apply(logged.event)
        if missing:
            self.log.append(missing, terminal=False)

    def lose(self, error: TailraceError) -> None:
        """Write nothing more: the run is another worker's, or is ended through the store."""
        if not self.ending:
            self._give_up(error, [])

    async def resume(self, event: StreamEvent, *, worker: str, lease_s: float) -> None:
        """Say `event`, the answer this run waits for, as the first of the next epoch.

        The run is then `worker`'s for `lease_s`. Returns after its commit. Nothing else may be on
        its way to the log: see `settled`.

        Raises:
            LogClosedError: the run has said its last.
            StoreError: the answer cannot be kept; the run waits on.
        """
        self._check_open()
        answer = LoggedEvent.of(
            msgspec.structs.replace(
                event,
                run_id=self.run_id,
                gen=self._gen,
                seq=self.fold.last_seq + 1,
                epoch=self._epoch + 1,
            )
        )

        taken: asyncio.Future[None] = self._loop.create_future()

        def resumed(error: BaseException | None) -> None:
            self._commit = None
            if error is None:
                self._epoch += 1
                self.fold.apply(answer.event)
                self.log.append([answer], terminal=False)
                _resolve(taken)
            else:
                _refuse(taken, error)
            self._show()
            if self._pending:
                self._seal()

        self._commit = Commit(
            lambda: self._store.resume(self.run_id, answer, worker=worker, lease_s=lease_s), resumed
        )
        await asyncio.shield(taken)

    async def recover(self) -> None:
        """After the store closed the run for us: show viewers what it wrote.

        Raises:
            StoreError: the store cannot be read.
        """
        missing = await self._store.read(self.run_id, self.log.last_seq, limit=1_000)
        if missing and not self.log.closed:
            self.log.append(missing, terminal=missing[-1].event.is_terminal)
        self.log.close()

    async def settled(self) -> None:
        """Return once no commit is under way."""
        while self._commit is not None:
            await asyncio.wait([self._commit.under_way])

    def _check_open(self) -> None:
        if self._error is not None:
            raise self._error
        if self._ending:
            msg = f"run {self.run_id} has said its last; nothing more is taken"
            raise LogClosedError(msg)

    def _check_retract(self, event: StreamEvent) -> None:
        """A viewer may have got several increments as one, and cannot go back into it.

        Raises:
            InvalidRequestError: it would.
        """
        discard_after = cast("int", event.metadata["discard_after"])
        if self.fold.is_increment(discard_after):
            msg = f"a retract cannot go back to event {discard_after}, which is an increment"
            raise InvalidRequestError(msg)

    def _shown(self) -> LoggedEvent:
        """What the log amounts to; no commit may be under way."""
        seq = self.fold.last_seq - (self.fold.terminal is not None)
        if self._snapshot is None or self._snapshot.seq != seq:
            self._snapshot = self.fold.snapshot()
        return self._snapshot

    def _show(self) -> None:
        """Give whoever asked meanwhile what the log amounts to."""
        asked, self._asked_to_show = self._asked_to_show, []
        for future in asked:
            if not future.done():
                future.set_result(None if self._error is not None else self._shown())

    def _add(self, pending: Pending) -> None:
        self._pending.add(pending)
        if self._commit is None:
            self._seal()

    def _seal(self) -> None:
        """Give the next batch its place in the log and hand it to the store."""
        self._batch = self._pending.take()
        epoch, first_seq = self._epoch, self.fold.last_seq + 1
        self._sealed = [self._place(item) for item in self._batch]
        last = self._batch[-1]
        final: FinalState | None = None
        if self.fold.terminal is not None:
            final = final_state(self.fold, self.fold.terminal)
        self._commit = Commit(
            lambda: self._store.append(
                self.run_id,
                epoch,
                first_seq,
                self._sealed,
                stage=self.fold.stage,
                stage_result=last.stage_result,
                final_state=final,
            ),
            self._committed,
        )

    def _place(self, item: Pending) -> LoggedEvent:
        event, seq = item.event, self.fold.last_seq + 1
        if event.is_terminal:
            event = with_facts(event, self.fold, seq)
        metadata: dict[str, JSON] = event.metadata
        if event.type is EventType.STREAM_CHUNK:
            position: dict[str, JSON] = {
                "index": self.fold.chunk_count,
                "offset": self.fold.text_length,
            }
            metadata = {**metadata, **position} if len(metadata) > 1 else position
        placed = StreamEvent(
            type=event.type,
            content=item.content if item.parts else event.content,
            progress=event.progress,
            timestamp=event.timestamp,
            stage=event.stage,
            node=event.node,
            metadata=metadata,
            run_id=self.run_id,
            gen=self._gen,
            seq=seq,
            epoch=self._epoch,
        )
        self.fold.apply(placed)
        return LoggedEvent.of(placed)

    def _committed(self, error: BaseException | None) -> None:
        self._commit = None
        batch, self._batch = self._batch, []
        if error is not None:
            self._give_up(error, batch)
            return
        self.log.append(self._sealed, terminal=self.fold.terminal is not None)
        self._show()
        for item in batch:
            _resolve(item.committed)
        if self._pending:
            self._seal()
        for room in self._room:
            _resolve(room)
        self._room.clear()

    def _give_up(self, error: BaseException, batch: list[Pending]) -> None:
        """Nothing more can be kept: whoever waits learns why, and so does the next `emit`."""
        if not isinstance(error, StoreError):
            failed = StoreError("the log could not be written")
            failed.__cause__ = error
            error = failed
        self._error = error
        self.log.wake()  # a run that waits for its user is closed by who waits for that
        self._show()
        for item in batch + self._pending.drop():
            _refuse(item.committed, error)
        for room in self._room:
            _resolve(room)
        self._room.clear()


def _resolve(future: "asyncio.Future[None] | None") -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _refuse(future: "asyncio.Future[None] | None", error: BaseException) -> None:
    if future is not None and not future.done():
        future.set_exception(error)
        future.exception()  # seen: whoever waited may have been cancelled
