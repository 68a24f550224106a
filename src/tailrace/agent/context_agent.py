"""Floor 5: ContextAgent builds the parts of one home, owns its runs, and answers for them.

Rule 1: a run belongs to the agent, never to a request: whoever asked may leave, it goes on.
Rule 2: only `cancel` ends a run early; after it returns, no event follows.
Rule 3: a run's manager and state leave memory when the run ends.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import msgspec

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace._ids import new_run_id, new_session_id
from tailrace.agent.home import Home
from tailrace.agent.live_run import LiveRun
from tailrace.agent.parts import Parts, open_parts
from tailrace.agent.quota import Quota
from tailrace.agent.request import ChatRequest
from tailrace.context.report import IngestReport
from tailrace.context.sample_documents import add_samples
from tailrace.errors import ErrorCode, StoreError, TailraceError
from tailrace.events.event import JSON, Cursor, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.nodes.scope import RunScope
from tailrace.settings import Settings
from tailrace.state.checkpoint import restore
from tailrace.state.manager import StateManager
from tailrace.state.state import Turn, WorkflowState
from tailrace.stores.base import LIVE_STATES, NewRun, RunRow
from tailrace.streaming.manager import StreamingManager
from tailrace.streaming.viewer import view_ended
from tailrace.workflow.engine import WorkflowEngine

_log = logging.getLogger(__name__)

_BATCH_BYTES = 64 * 1024
_SHUT_DOWN_S = 10.0
_LOST = "the process that worked on this run has ended; what was written so far is kept"


class ContextAgent:
    """Answers questions out of one person's or team's documents; made with `open`."""

    def __init__(self, parts: Parts, home: Home, clock: Clock) -> None:
        self.parts = parts
        self.home = home
        self.clock = clock
        self.states = StateManager()
        self._runs: dict[str, LiveRun] = {}
        self._last_of: dict[int, LiveRun] = {}
        settings = parts.settings
        self._quota = Quota(settings.max_live_runs, settings.max_queued_runs)
        self._closing = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        *,
        engine: WorkflowEngine | None = None,
    ) -> AsyncGenerator["ContextAgent", None]:
        """The agent of `settings.home`, which it locks; runs that were left open are closed first.

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
            await agent._close_lost()
            stack.push_async_callback(agent.shut_down)
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
            ConflictError: the run it tries again has not ended, or is not the newest any more.
            TooManyRunsError: the owner's queue is full.
            StoreError: it cannot be kept.
        """
        request.check(self.parts.settings)
        if self._closing:
            msg = "the server is stopping; try again in a moment"
            raise StoreError(msg, retryable=True)
        self._quota.accept(owner)
        try:
            accepted = await self.parts.store.create(
                NewRun(
                    run_id=new_run_id(),
                    owner=owner,
                    query=request.query,
                    request=request.to_dict(),
                    session_id=request.session_id or new_session_id(),
                    conversation_id=request.conversation_id,
                    retry_of=request.retry_of,
                    idempotency_key=idempotency_key,
                    request_sha256=request.sha256(),
                    created_at=self.clock.now(),
                )
            )
        except BaseException:
            self._quota.release(owner)
            raise
        run = accepted.run
        if run.run_id in self._runs or run.state not in LIVE_STATES:
            self._quota.release(owner)  # the idempotency key has found the run it was used for
            return run
        self._launch(run, accepted.first_event, request, streaming=streaming)
        return run

    async def process(
        self, request: ChatRequest, *, owner: str = "", idempotency_key: str | None = None
    ) -> dict[str, JSON]:
        """The whole answer, as `WorkflowState.to_dict` gives it.

        Raises:
            TailraceError: as `start`; a run that fails is a result, not an error.
        """
        run = await self.start(
            request, owner=owner, streaming=False, idempotency_key=idempotency_key
        )
        live = self._runs.get(run.run_id)
        if live is not None:
            await live.ended.wait()
        return await self.get_state(run.run_id, owner=owner)

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
    ) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """As `watch`, in batches of encoded events.

        Raises:
            NotFoundError: there is no such run.
        """
        run = await self.parts.store.get_run(run_id, owner)
        live = self._runs.get(run_id)
        if live is not None:
            return live.manager.view(after, max_bytes)
        if run.state in LIVE_STATES:  # it ended between the two lines above
            run = await self.parts.store.get_run(run_id, owner)
        return view_ended(run, self.parts.store, after)

    async def cancel(self, run_id: str, *, owner: str = "") -> RunRow:
        """End the run; what was written stays. One that has ended stays as it is.

        Raises:
            NotFoundError: there is no such run.
            StoreError: the end cannot be kept.
        """
        run = await self.parts.store.get_run(run_id, owner)
        live = self._runs.get(run_id)
        if live is not None:
            await live.cancel(self.clock)
        elif run.state in LIVE_STATES:
            return await self.parts.store.cancel(run_id, self.clock.now())
        return await self.parts.store.get_run(run_id, owner)

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
        if fold.terminal is not None and "error" in fold.terminal.metadata:
            state.errors.append(fold.terminal.content)
        return state.to_dict()

    async def fold(self, run: RunRow) -> RunFold:
        """What the run's events up to `run.last_seq` amount to.

        Raises:
            NotFoundError: there is no such run.
        """
        fold = RunFold()
        view = await self.view(run.run_id, owner=run.owner)
        async with aclosing(view) as batches:
            async for batch in batches:
                for logged in batch:
                    fold.apply(logged.event)
                if fold.last_seq >= run.last_seq:
                    break
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

    async def shut_down(self) -> None:
        """Close every live run as `worker_lost` and wait for its task; safe to call twice."""
        self._closing = True
        runs = list(self._runs.values())
        error = TailraceError(
            "the server was stopped; what was written so far is kept. Ask again",
            code=ErrorCode.WORKER_LOST,
            retryable=True,
        )
        for live in runs:
            try:
                await live.lose(error, self.clock)
            except StoreError:
                _log.warning("run %s will be closed at the next start", live.run.run_id)
        tasks = [live.task for live in runs if live.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_SHUT_DOWN_S)

    async def _close_lost(self) -> None:
        """Close what a process that is gone has left open."""
        error = TailraceError(_LOST, code=ErrorCode.WORKER_LOST, retryable=True)
        for run in await self.parts.store.live_runs():
            await self.parts.store.fail(run.run_id, error, self.clock.now())
            _log.warning("run %s was left open; closed it as %s", run.run_id, error.code)

    def _launch(
        self, run: RunRow, first_event: LoggedEvent, request: ChatRequest, *, streaming: bool
    ) -> None:
        """Give the run its log, its state and its task; no await, so that no one sees it half."""
        settings = self.parts.settings
        manager = StreamingManager(run, first_event, self.parts.store, settings.log_memory_bytes)
        state = WorkflowState(
            run_id=run.run_id,
            query=request.to_query(run.owner, run.session_id, ()),
            streaming_enabled=streaming,
            newest_events=manager.newest_events,
        )
        conversation_id = run.conversation_id
        predecessor = self._last_of.get(conversation_id) if conversation_id is not None else None
        live = LiveRun(run, manager, state, predecessor)
        if conversation_id is not None:
            self._last_of[conversation_id] = live
        self._runs[run.run_id] = live
        self.states.add(state)
        live.task = asyncio.create_task(self._work(live, request), name=f"run {run.run_id}")

    async def _work(self, live: LiveRun, request: ChatRequest) -> None:
        """The life of a run's task, from the queue to its end.

        Raises:
            CancelledError: the event loop itself ends.
        """
        error: TailraceError = StoreError("the log of this run could not be written")
        loop_ends = False
        try:
            if live.predecessor is not None:
                await live.predecessor.ended.wait()
                live.predecessor = None
            async with self._quota.place(live.run.owner):
                await self._execute(live, request)
        except asyncio.CancelledError:
            if not live.manager.ending:  # nobody asked for this: the event loop itself ends
                loop_ends = True
                raise
        except TailraceError as exc:
            error = exc
        finally:
            await live.manager.settled()
            if not live.manager.log.closed and not loop_ends:
                await live.close_failed(self.parts.store, error, self.clock)
            self._forget(live)

    async def _execute(self, live: LiveRun, request: ChatRequest) -> None:
        run = await self.parts.store.claim(live.run.run_id)
        live.manager.claimed(run)
        live.state.query = request.to_query(run.owner, run.session_id, await self._history(run))
        settings = self.parts.settings
        scope = RunScope(
            streaming_manager=live.manager,
            llm=self.parts.llm,
            context=self.parts.context,
            documents=self.parts.documents,
            settings=settings,
            clock=self.clock,
            deadline_s=self.clock.monotonic_s() + settings.run_timeout_s,
        )
        await self.parts.engine.execute(live.state, scope)

    async def _history(self, run: RunRow) -> tuple[Turn, ...]:
        if run.conversation_id is None or run.user_message_id is None:
            return ()
        messages = await self.parts.store.history(run.conversation_id, run.user_message_id)
        return tuple(Turn(message.role, message.content) for message in messages)

    def _forget(self, live: LiveRun) -> None:
        run = live.run
        self._runs.pop(run.run_id, None)
        self.states.remove(run.run_id)
        self._quota.release(run.owner)
        if run.conversation_id is not None and self._last_of.get(run.conversation_id) is live:
            del self._last_of[run.conversation_id]
        live.ended.set()
