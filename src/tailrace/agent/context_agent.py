"""Floor 5: ContextAgent builds the parts of one home, owns its runs, and answers for them.

Rule 1: a run belongs to the agent, never to a request: whoever asked may leave, it goes on.
Rule 2: only `cancel` ends a run early; after it returns, no event follows.
Rule 3: a run that waits for its user outlives the process; `resume` continues it.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, aclosing, asynccontextmanager

import msgspec

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace._ids import new_run_id, new_session_id
from tailrace.agent.answers import question_for
from tailrace.agent.arrivals import Arrivals
from tailrace.agent.home import Home
from tailrace.agent.leases import Leases
from tailrace.agent.live_run import LiveRun
from tailrace.agent.model_setup import ModelSetup
from tailrace.agent.parts import Parts, open_parts
from tailrace.agent.recalling import Recall
from tailrace.agent.request import ChatRequest, OnConflict
from tailrace.agent.retention import retaining
from tailrace.agent.roster import Roster
from tailrace.agent.watching import Watching
from tailrace.context.report import IngestReport
from tailrace.context.sample_documents import add_samples
from tailrace.errors import StoreError
from tailrace.events.asking import InputRequest
from tailrace.events.event import JSON, Cursor, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.settings import Settings
from tailrace.state.checkpoint import restore
from tailrace.state.manager import StateManager
from tailrace.state.state import WorkflowState
from tailrace.stores.base import LIVE_STATES, NewRun, RunRow, RunState
from tailrace.stores.registry import erasing_of, recalling_of
from tailrace.streaming.log import Sink
from tailrace.streaming.viewer import snapshot_ended, view_ended
from tailrace.workflow.engine import WorkflowEngine

_BATCH_BYTES = 64 * 1024
_STOPPING = "the server is stopping; try again in a moment"


class ContextAgent:
    """Answers questions out of one person's or team's documents; made with `open`."""

    def __init__(self, parts: Parts, home: Home, clock: Clock) -> None:
        self.parts = parts
        self.home = home
        self.clock = clock
        self.model_setup = ModelSetup(parts.library, parts.llm, parts.settings)
        self.arrivals = Arrivals()
        self.watching = Watching(parts.ingest, parts.documents, parts.settings)
        self.recall = Recall(parts.store, parts.documents, parts.settings, clock)
        self._roster = Roster(parts.settings, clock, self.recall.ended)
        self._leases = Leases(parts, self._roster, clock)
        self._closing = False

    @property
    def states(self) -> StateManager:
        """The states of the runs that are at work here."""
        return self._roster.states

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        *,
        engine: WorkflowEngine | None = None,
    ) -> AsyncGenerator["ContextAgent", None]:
        """The agent of `settings.home`, which it locks.

        Runs that an earlier process left go on, or go on waiting for their user.

        Args:
            settings: Which home, and how.
            clock: What tells the time.
            engine: Instead of the one with our own nodes.

        Raises:
            HomeLockedError: another process has this home.
            StoreError: the home cannot be used.
            InvalidRequestError: a setting cannot be used.
        """
        async with AsyncExitStack() as stack:
            home = Home.lock(settings.home)
            stack.callback(home.unlock)
            parts = await stack.enter_async_context(open_parts(settings, clock, engine))
            agent = cls(parts, home, clock)
            await stack.enter_async_context(agent.at_work())
            erasing = erasing_of(parts.store)
            agent.recall.start(recalling_of(parts.store))
            gone = agent.recall.look
            await stack.enter_async_context(retaining(parts.store, erasing, settings, clock, gone))
            yield agent

    async def start(
        self,
        request: ChatRequest,
        *,
        owner: str = "",
        streaming: bool = True,
        idempotency_key: str | None = None,
    ) -> RunRow:
        """Accept `request`: a run with event 1 and its messages, committed; it then goes its way.

        Raises:
            InvalidRequestError: the request is empty or too long, or the idempotency key belongs
                to another one.
            NotFoundError: its conversation, or the run it tries again, does not exist.
            ConflictError: the run it tries again has not ended, or is not the newest any more; or
                its conversation is busy, and it is to be refused then.
            TooManyRunsError: the owner's queue is full.
            StoreError: it cannot be kept.
        """
        request.check(self.parts.settings)
        new = NewRun(
            run_id=new_run_id(),
            owner=owner,
            query=request.query,
            request={**request.to_dict(), "streaming": streaming},
            session_id=request.session_id or new_session_id(),
            conversation_id=request.conversation_id,
            retry_of=request.retry_of,
            unless_busy=request.on_conflict is OnConflict.REJECT,
            idempotency_key=idempotency_key,
            request_sha256=request.sha256(),
            created_at=self.clock.now(),
            worker=self.parts.worker,
            lease_s=self.parts.settings.lease_s,
        )
        return await self.begin(new, request.on_conflict)

    async def begin(self, new: NewRun, on_conflict: OnConflict = OnConflict.ENQUEUE) -> RunRow:
        """Accept `new` and begin to work on it, as soon as it has a place.

        Raises:
            TooManyRunsError: the owner's queue is full.
            StoreError: it cannot be kept.
        """
        if self._closing:
            raise StoreError(_STOPPING, retryable=True)
        self._roster.quotas[new.kind].accept(new.owner)
        return await self._roster.finish(self._accept(new, on_conflict))

    async def _accept(self, new: NewRun, on_conflict: OnConflict) -> RunRow:
        """Keep the run and begin to work on it; it has been counted in the owner's quota."""
        try:
            accepted = await self.parts.store.create(new)
        except BaseException:
            self._roster.quotas[new.kind].release(new.owner)
            raise
        run = accepted.run
        is_taken = self._roster.get(run.run_id) is not None  # as lost, before its store answered
        if run.run_id != new.run_id or is_taken:
            self._roster.quotas[new.kind].release(
                new.owner
            )  # the idempotency key has found its run
            return run
        live = LiveRun.begun(accepted, self.parts, self.clock)
        self._roster.add(live)
        self.arrivals.ring(run.conversation_id)
        if on_conflict is OnConflict.INTERRUPT:
            for other in self._roster.before(live):
                await other.ended.wait()
        return run

    async def process(
        self, request: ChatRequest, *, owner: str = "", idempotency_key: str | None = None
    ) -> dict[str, JSON]:
        """The whole answer, as `WorkflowState.to_dict` gives it; or what the run waits for.

        Raises:
            TailraceError: as `start`; a run that fails is a result, not an error.
        """
        run = await self.start(
            request, owner=owner, streaming=False, idempotency_key=idempotency_key
        )
        return await self.passed(run.run_id, owner=owner)

    async def process_stream(
        self, request: ChatRequest, *, owner: str = ""
    ) -> AsyncGenerator[StreamEvent, None]:
        """Start a run and follow it; leaving ends the viewer, never the run.

        Raises:
            TailraceError: as `start` and `watch`.
        """
        run = await self.start(request, owner=owner)
        async with aclosing(self.watch(run.run_id, owner=owner)) as events:
            async for event in events:
                yield event

    async def watch(
        self, run_id: str, *, after: Cursor | None = None, owner: str = ""
    ) -> AsyncGenerator[StreamEvent, None]:
        """The run's events after `after`, from the start by default, to its terminal event.

        Raises:
            NotFoundError: there is no such run.
            CursorError: `after` is ahead of the log.
        """
        view = await self.view(run_id, after=after, owner=owner)
        async with aclosing(view) as batches:
            async for batch in batches:
                for logged in batch:
                    yield logged.event

    async def view(
        self,
        run_id: str,
        *,
        after: Cursor | None = None,
        owner: str = "",
        max_bytes: int = _BATCH_BYTES,
        grace_s: float = 0.0,
        may_merge: bool = False,
        sink: Sink | None = None,
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """As `watch`, in batches of encoded events.

        Its reader counts as a viewer of the run until it is closed, and for `grace_s` after that:
        see `ChatRequest.on_disconnect`. Where it `may_merge`, one that falls behind gets merged
        chunks, and at worst a snapshot. A `sink` is given what comes while it is up to date.

        Raises:
            NotFoundError: there is no such run.
            HistoryTrimmedError: what it would see first was let go of.
            StoreError: what it would see first cannot be read.
        """
        run = await self.parts.store.get_run(run_id, owner)
        live = self._roster.get(run_id)
        if live is None:
            if run.state in LIVE_STATES:  # it has ended since then
                run = await self.parts.store.get_run(run_id, owner)
            seq = 0 if after is None else after.seq
            if seq < run.last_seq:  # what cannot be read is said before there is a viewer
                await self.parts.store.read(run_id, seq, 1)
            return view_ended(run, self.parts.store, after, max_bytes)
        view = live.manager.view(after, max_bytes, may_merge=may_merge, sink=sink)
        return self._roster.attended(live, view, grace_s)

    async def snapshot(self, run: RunRow) -> LoggedEvent:
        """What the run amounts to by now, but for its terminal event, as one event.

        Its price is that of what it tells, however many events told it.

        Raises:
            StoreError: it cannot be read.
        """
        live = self._roster.get(run.run_id)
        shown = None if live is None else await live.manager.snapshot()
        return shown or await snapshot_ended(run, self.parts.store)

    async def cancel(self, run_id: str, *, owner: str = "") -> RunRow:
        """End the run; what was written stays. One that has ended stays as it is.

        Raises:
            NotFoundError: there is no such run.
            StoreError: the end cannot be kept.
        """
        run = await self.parts.store.get_run(run_id, owner)
        live = self._roster.get(run_id)
        if live is not None:
            await live.cancel()
        elif run.state in LIVE_STATES:
            return await self.parts.store.cancel(run_id, self.clock.now())
        return await self.parts.store.get_run(run_id, owner)

    async def resume(
        self, run_id: str, user_input: str, *, request_id: str | None = None, owner: str = ""
    ) -> RunRow:
        """Answer what the run waits for; it then goes on. The same answer again changes nothing.

        Args:
            run_id: The run.
            user_input: The answer.
            request_id: Which of the run's questions is answered; None for the one that is open.
            owner: Whose run it is.

        Raises:
            InvalidRequestError: the answer is empty or too long.
            NotFoundError: there is no such run.
            ConflictError: the run does not wait, or asks something else.
            InputExpiredError: it is too late; the run has ended.
            StoreError: the answer cannot be kept; the run waits on.
        """
        run = await self.parts.store.get_run(run_id, owner)
        if self._closing:
            raise StoreError(_STOPPING, retryable=True)
        if self._roster.get(run_id) is None and run.state is RunState.WAITING:
            await self._leases.take(run)  # whoever brings the answer goes on with the run
        live = self._roster.get(run_id)
        if live is not None:
            await live.answer(request_id, user_input)
        elif question_for(await self.fold(run), run_id, request_id, user_input) is not None:
            raise StoreError(_STOPPING, retryable=True)  # it waits, and nobody here goes on
        return await self.parts.store.get_run(run_id, owner)

    def attending(self, run_id: str) -> AbstractContextManager[None]:
        """Whoever enters this counts as a viewer of the run: see `ChatRequest.on_disconnect`."""
        return self._roster.attending(run_id)

    async def passed(self, run_id: str, *, owner: str = "") -> dict[str, JSON]:
        """As `get_state`, once the run has ended or waits for its user.

        Raises:
            NotFoundError: there is no such run.
        """
        live = self._roster.get(run_id)
        if live is not None:
            await live.passed.wait()
        return await self.get_state(run_id, owner=owner)

    async def get_state(self, run_id: str, *, owner: str = "") -> dict[str, JSON]:
        """The run as `WorkflowState.to_dict` shows it, live or ended.

        Raises:
            NotFoundError: there is no such run.
        """
        store = self.parts.store
        run = await store.get_run(run_id, owner)
        request = ChatRequest(query=run.query)
        state = WorkflowState(
            run_id=run_id,
            query=request.to_query(owner, run.session_id, ()),
            stage=run.stage,
            outcome=run.outcome,
        )
        restore(state, await store.stage_results(run_id))
        fold = await self.fold(run)
        state.final_content = fold.text
        if fold.input_required is not None:
            state.waiting_for = InputRequest.of(fold.input_required)
        if fold.terminal is not None and "error" in fold.terminal.metadata:
            state.errors.append(fold.terminal.content)
        return state.to_dict()

    async def fold(self, run: RunRow) -> RunFold:
        """What the run's events up to `run.last_seq` amount to.

        Raises:
            NotFoundError: there is no such run.
        """
        fold = RunFold.restored((await self.snapshot(run)).event)
        missing = run.last_seq - fold.last_seq  # its terminal event
        if missing > 0:
            for logged in await self.parts.store.read(run.run_id, fold.last_seq, missing):
                fold.apply(logged.event)
        return fold

    async def catch_up(self, *, owner: str = "") -> IngestReport:
        """Read what changed in the folders that were added; give a new, empty home its samples.

        Raises:
            StoreError: the documents cannot be kept.
        """
        parts = self.parts
        report = await parts.ingest.rescan(owner=owner)
        added = await add_samples(parts.documents, parts.ingest, owner=owner, clock=self.clock)
        return msgspec.structs.replace(report, added=report.added + added)

    @asynccontextmanager
    async def at_work(self) -> AsyncGenerator[None, None]:
        """Go on with the runs that nobody holds; in the end, let go of all.

        Raises:
            StoreError: the store cannot be read.
        """
        try:
            await self._leases.open()
            yield
        finally:
            await self.shut_down()

    async def shut_down(self) -> None:
        """Let go of every live run as it is; the next to open the home goes on with it.

        Their viewers' streams end without an end, and can be rejoined then. Safe to call twice.
        """
        self._closing = True
        await self.watching.aclose()
        await self.recall.aclose()
        self.arrivals.close()
        await self._leases.aclose()
        await self._roster.shut_down()
        await self.model_setup.aclose()
