"""Floor 5: LiveRun, a run that this process works on, or that waits here: for its turn, its user.

Rule 1: what a run waits for is what its log says, and an answer is taken once it is committed.
Rule 2: whatever ends a run, it ends with its terminal event; only a process that stops or dies, or
    has lost it to another, leaves one without, for the other to go on with.
Rule 3: a new attempt goes on after what was finished: the end of a stage, an answer. It takes back
    the rest in one event, so that nobody has it twice.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import msgspec

from tailrace._clock import Clock
from tailrace.agent.answers import check_answer, inputs_of, question_for, turns_of
from tailrace.agent.parts import Parts
from tailrace.agent.request import request_of
from tailrace.errors import (
    FencedError,
    InputExpiredError,
    LogClosedError,
    StoreError,
    TailraceError,
)
from tailrace.events.asking import InputRequest, answering, is_answer
from tailrace.events.ending import ending
from tailrace.events.event import StreamEvent
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome
from tailrace.nodes.scope import RunScope
from tailrace.state.checkpoint import restore
from tailrace.state.state import Turn, WorkflowState
from tailrace.stores.base import Accepted, RunRow, RunState
from tailrace.streaming.manager import StreamingManager

_log = logging.getLogger(__name__)

_MAX_TRIES = 8
_MAX_WAIT_S = 30.0


class LiveRun:
    """One run at work: its log, its state, its task.

    Attributes:
        run: As it was when it was accepted, found or claimed here.
        predecessor: The run before it in its conversation; its turn comes once that has passed.
        request: What was asked for.
        passed: Set while nothing goes on in it: it waits for its user, or has ended.
        ended: Set once its log is closed and its place is free.
        leased: Whether its lease is ours to renew; a run that was found is first to be claimed.
    """

    def __init__(self, run: RunRow, manager: StreamingManager, parts: Parts, clock: Clock) -> None:
        self.run = run
        self.manager = manager
        self.predecessor: LiveRun | None = None
        self.passed = asyncio.Event()
        self.ended = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._parts = parts
        self._clock = clock
        self.request = request_of(run)
        self.leased = True
        self._is_claimed = run.state is RunState.WAITING  # an answer is what claims it again
        self._at_work = False
        self._kept_seq = 1  # what a new attempt goes on after
        self.state = WorkflowState(
            run_id=run.run_id,
            query=self.request.to_query(run.owner, run.session_id, ()),
            stage=run.stage,
            streaming_enabled=run.request.get("streaming") is not False,
            newest_events=manager.newest_events,
        )

    @classmethod
    def begun(cls, accepted: Accepted, parts: Parts, clock: Clock) -> Self:
        """A run that was just accepted."""
        memory_bytes = parts.settings.log_memory_bytes
        manager = StreamingManager(accepted.run, accepted.first_event, parts.store, memory_bytes)
        return cls(accepted.run, manager, parts, clock)

    @classmethod
    async def found(cls, run: RunRow, parts: Parts, clock: Clock) -> Self:
        """A run that an earlier process has left: in the queue, at work, waiting for its user.

        Raises:
            CorruptLogError: one of its events is damaged.
            StoreError: it cannot be read.
        """
        events = await parts.store.read(run.run_id, 0, run.last_seq)
        if len(events) < run.last_seq:  # raises what is wrong with the next
            events += await parts.store.read(run.run_id, len(events), run.last_seq)
        memory_bytes = parts.settings.log_memory_bytes
        manager = StreamingManager.restored(run, events, parts.store, memory_bytes)
        live = cls(run, manager, parts, clock)
        live.leased = run.state is RunState.WAITING
        await live._restore(events)
        return live

    @property
    def waits(self) -> bool:
        """Whether it waits for its user."""
        return self.manager.fold.input_required is not None and not self.manager.ending

    async def work(self, *, may_ask: bool) -> None:
        """Take the run to its end, or to where it waits for its user, if it `may_ask` them.

        Raises:
            StoreError: its log cannot be written.
        """
        if not self._is_claimed:
            await self._claim()
            await self._begin_again()
        run, settings = self.run, self._parts.settings
        query = self.request.to_query(run.owner, run.session_id, await self._history())
        self.state.query = msgspec.structs.replace(
            query,
            interactive=query.interactive and may_ask,
            inputs=inputs_of(self.manager.fold),
        )
        self.state.waiting_for = None
        scope = RunScope(
            streaming_manager=self.manager,
            llm=self._parts.llm,
            context=self._parts.context,
            documents=self._parts.documents,
            settings=settings,
            clock=self._clock,
            deadline_s=self._clock.monotonic_s() + self._parts.timeout_s(run.kind),
        )
        self._at_work = True
        try:
            await self._parts.engine_for(run.kind).execute(self.state, scope)
        finally:
            self._at_work = False

    async def answered(self) -> None:
        """Return once its user has answered, or the run has ended, as expired if nobody did.

        Raises:
            StoreError: its log cannot be written.
        """
        asked = self.manager.fold.input_required
        if asked is None:
            return
        left_s = (InputRequest.of(asked).expires_at - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(max(0.0, left_s)):
                await self.manager.log.grown(asked.seq)
        except TimeoutError:
            await self._decided()
            if self.waits:
                await self._expire(asked)

    async def answer(self, request_id: str | None, text: str) -> None:
        """Take `text` as what the run waits for; it then goes on. A repeat changes nothing.

        Raises:
            ConflictError: it waits for nothing, or for something else.
            InvalidRequestError: the answer is empty or too long.
            InputExpiredError: it is too late; the run has ended.
            StoreError: the answer cannot be kept; the run waits on.
        """
        await self._decided()
        asked = question_for(self.manager.fold, self.run.run_id, request_id, text)
        if asked is None:
            return
        check_answer(asked, text, self._parts.settings)
        if self._clock.now() >= InputRequest.of(asked).expires_at:
            error = await self._expire(asked)
            raise error
        self.passed.clear()  # before its commit, after which somebody waits for it to pass again
        try:
            await self.manager.resume(
                answering(asked, text, self._clock.now()),
                worker=self._parts.worker,
                lease_s=self._parts.settings.lease_s,
            )
        except BaseException:
            if self.waits:  # on; had it been taken, the run may ask the next question by now
                self.passed.set()
            raise

    async def cancel(self) -> None:
        """End the run as cancelled, whoever works on it by now; the partial answer stays.

        Returns once the log is closed; a run that has said its last stays as it ended.

        Raises:
            StoreError: the log cannot be written.
        """
        with suppress(FencedError):
            await self._stop(Outcome.CANCELLED, None)
        if self.manager.fenced:
            await self._parts.store.cancel(self.run.run_id, self._clock.now())

    async def leave(self) -> None:
        """Let the run go as it is, because its process goes: who opens the home next goes on.

        Its viewers' streams end without an end, so that they come back.

        Raises:
            StoreError: the store cannot be written; the run is found as one whose process died.
        """
        if self.manager.ending:
            await self.ended.wait()
            return
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait([self.task])
        await self.manager.settled()
        self.manager.log.close()
        await self._parts.store.release(self.run.run_id, self.manager.epoch)

    def lose(self, error: FencedError | LogClosedError) -> None:
        """Let the run go because another has it, or has ended it, as `error` says.

        Its viewers' streams end without an end, so that they come back.
        """
        is_stuck = self.manager.fenced and self._at_work  # the model has been silent since then
        if self.manager.ending and not is_stuck:
            return  # its task closes it already, and is not to be torn out of that
        self._at_work = False
        self.manager.lose(error)
        if self.task is not None:
            self.task.cancel()

    async def close_failed(self, error: TailraceError) -> None:
        """End the run through the store, because its own log could not be written.

        Tried again for a while: a full disk may have room a moment later. What cannot be closed
        now is closed when the home is opened next. A run that is another's is left to that one.
        """
        if isinstance(error, FencedError) or self.manager.fenced:
            _log.info("run %s is another worker's now: %s", self.run.run_id, error.message)
            self.manager.log.close()
            return
        # from here on, whoever cancels it, or finds it lost, waits for what is done here
        self.manager.lose(error)
        wait_s = 0.25
        for _ in range(_MAX_TRIES):
            try:
                await self._parts.store.fail(self.run.run_id, error, self._clock.now())
                await self.manager.recover()
            except StoreError:
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, _MAX_WAIT_S)
            else:
                return
        _log.error("run %s could not be closed; it will be at the next start", self.run.run_id)
        self.manager.log.close()

    async def _claim(self) -> None:
        """Become the run's worker, and learn what another has written since it was found.

        Raises:
            StoreError: the run is another's, or has ended, or cannot be read.
        """
        store, settings = self._parts.store, self._parts.settings
        known_seq = self.manager.fold.last_seq
        run = await store.claim(
            self.run.run_id, worker=self._parts.worker, lease_s=settings.lease_s
        )
        missing = run.last_seq - known_seq
        events = await store.read(run.run_id, known_seq, missing) if missing else []
        self.run, self.leased, self._is_claimed = run, True, True
        self.manager.claimed(run, events)
        if events:
            self.state.stage = run.stage
            await self._restore(events)

    async def _restore(self, events: Sequence[LoggedEvent]) -> None:
        """Take in what an attempt before ours has finished, which `events` are newly known of."""
        results = await self._parts.store.stage_results(self.run.run_id)
        new = [each for each in results if each.seq > self._kept_seq]
        restore(self.state, new)
        answers = [logged.seq for logged in events if is_answer(logged.event)]
        self._kept_seq = max([self._kept_seq, *answers, *(each.seq for each in new)])

    async def _decided(self) -> None:
        """Return once nothing is on its way to its question: it waits, goes on, or has ended."""
        if self.manager.fold.input_required is not None:  # otherwise it may never be settled
            await self.manager.settled()

    async def _begin_again(self) -> None:
        """Take back what an attempt that died had begun, if it had."""
        if self.manager.fold.last_seq == self._kept_seq:
            return
        await self.manager.emit(
            StreamEvent(
                type=EventType.RETRACT,
                content="Going on where the last finished step left off",
                timestamp=self._clock.now(),
                stage=self.state.stage,
                metadata={"discard_after": self._kept_seq},
            )
        )

    async def _stop(self, outcome: Outcome, error: TailraceError | None) -> None:
        if self.manager.ending:
            await self.ended.wait()
            return
        if self.task is not None:
            self.task.cancel()
        # The terminal event enters the buffer before the task runs again, so nothing follows it.
        await self._end(outcome, error)

    async def _expire(self, asked: StreamEvent) -> InputExpiredError:
        """The error that tells it; the run has ended with it."""
        until = InputRequest.of(asked).expires_at
        msg = f"nobody answered by {until:%Y-%m-%d %H:%M} UTC, so this run has ended; ask again"
        error = InputExpiredError(msg)
        if not self.manager.ending:
            await self._end(Outcome.EXPIRED, error)
        return error

    async def _end(self, outcome: Outcome, error: TailraceError | None) -> None:
        streaming = self.state.streaming_enabled
        await self.manager.emit(
            ending(outcome, self._clock.now(), error=error, streaming=streaming)
        )

    async def _history(self) -> tuple[Turn, ...]:
        run = self.run
        if run.conversation_id is None or run.user_message_id is None:
            return ()
        return turns_of(await self._parts.store.history(run.conversation_id, run.user_message_id))
