"""Testing floor: Workbench, the workflow on real parts, without a server or an agent around it.

Documents, log and search are the real ones in a folder of the test's own; the model is the real
client on a scripted endpoint. For trying one's own nodes, hand in an engine that has them.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec

from tailrace._clock import SYSTEM_CLOCK
from tailrace._ids import new_run_id
from tailrace.agent.parts import default_engine
from tailrace.context.ingest import Ingest
from tailrace.context.pool import ParserPool
from tailrace.context.search import ContextIndex
from tailrace.events.event import JSON, StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import CHUNK_TYPES, EventType, WorkflowStage
from tailrace.llm.base import LLMClient
from tailrace.llm.registry import open_llm
from tailrace.nodes.scope import RunScope
from tailrace.settings import Settings
from tailrace.state.state import Query, WorkflowState
from tailrace.stores.base import NewRun, Store
from tailrace.stores.documents import DocumentRow, DocumentStore
from tailrace.stores.registry import open_stores
from tailrace.streaming.manager import StreamingManager
from tailrace.testing.made_runs import claimed
from tailrace.testing.model_script import Script
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.workflow.engine import WorkflowEngine


@dataclass(frozen=True, slots=True)
class Transcript:
    """All events of one run, as a viewer saw them, and the state at its end."""

    events: tuple[StreamEvent, ...]
    state: WorkflowState

    @property
    def shape(self) -> list[tuple[EventType, WorkflowStage | None]]:
        """Type and stage of each event; adjacent increments count as one, however they merged."""
        kinds = [(event.type, event.stage) for event in self.events]
        shape: list[tuple[EventType, WorkflowStage | None]] = []
        for kind, group in groupby(kinds):
            shape += [kind] if kind[0] in CHUNK_TYPES else list(group)
        return shape

    @property
    def fold(self) -> RunFold:
        """What the run amounts to."""
        fold = RunFold()
        for event in self.events:
            fold.apply(event)
        return fold

    @property
    def ending(self) -> StreamEvent:
        """The terminal event."""
        return self.events[-1]

    @property
    def outcome(self) -> JSON:
        """How the run ended."""
        return self.ending.metadata["outcome"]

    @property
    def error_code(self) -> JSON:
        """Why the run failed; None where it did not."""
        error = self.ending.metadata.get("error")
        return error["code"] if isinstance(error, dict) else None

    def contents(self, type_: EventType) -> list[str]:
        """What the events of one type say."""
        return [event.content for event in self.events if event.type is type_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """The parts of a home, and a model that does what a script says.

    Attributes:
        server: The scripted endpoint.
    """

    settings: Settings
    store: Store
    documents: DocumentStore
    context: ContextIndex
    ingest: Ingest
    llm: LLMClient
    server: ScriptedModelServer
    engine: WorkflowEngine

    async def add(self, texts: Mapping[str, str]) -> list[DocumentRow]:
        """Add documents: name to text."""
        return [await self.ingest.add_text(name, text) for name, text in texts.items()]

    async def run(self, query: Query, *, streaming: bool = True) -> Transcript:
        """Take `query` through the whole workflow, and watch it from the start."""
        accepted = await self.store.create(
            NewRun(
                run_id=new_run_id(),
                owner=query.owner,
                query=query.text,
                request={"query": query.text},
                session_id="session",
                conversation_id=None,
                created_at=SYSTEM_CLOCK.now(),
            )
        )
        manager = StreamingManager(
            accepted.run, accepted.first_event, self.store, self.settings.log_memory_bytes
        )
        manager.claimed(await claimed(self.store, accepted.run.run_id))
        state = WorkflowState(run_id=accepted.run.run_id, query=query, streaming_enabled=streaming)
        scope = RunScope(
            streaming_manager=manager,
            llm=self.llm,
            context=self.context,
            documents=self.documents,
            settings=self.settings,
            clock=SYSTEM_CLOCK,
            deadline_s=SYSTEM_CLOCK.monotonic_s() + self.settings.run_timeout_s,
        )
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_watch(manager))
            await self.engine.execute(state, scope)
        return Transcript(watching.result(), state)


async def _watch(manager: StreamingManager) -> tuple[StreamEvent, ...]:
    return tuple([event async for event in manager.stream()])


@asynccontextmanager
async def open_workbench(
    home: Path,
    script: Script | None = None,
    *,
    settings: Settings | None = None,
    llm: LLMClient | None = None,
    engine: WorkflowEngine | None = None,
) -> AsyncGenerator[Workbench, None]:
    """A workbench in `home`.

    Args:
        home: An empty folder.
        script: What the model answers; None: no model is installed.
        settings: Everything but the home and the model; the defaults without, and a model that
            is not asked what is missing (`model_class`).
        llm: Instead of a client for the scripted endpoint; closed by whoever made it.
        engine: Instead of the one with our own nodes.
    """
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(ScriptedModelServer(script))
        chosen = settings or Settings()
        settings = msgspec.structs.replace(
            chosen,
            home=home,
            models_folder=home / "models",
            llm_url="" if script is None else server.url,
            llm_model="" if script is None else "scripted",
            model_class=chosen.model_class or "weak",
        )
        if llm is None:
            llm = open_llm(settings)
            stack.push_async_callback(llm.aclose)
        store, documents = await open_stores(settings)
        stack.push_async_callback(store.aclose)
        max_bytes = settings.max_upload_bytes
        reader = ParserPool(
            max_document_bytes=max_bytes,
            timeout_s=settings.parse_timeout_s,
            memory_bytes=settings.parse_memory_bytes,
        )
        stack.push_async_callback(reader.aclose)
        yield Workbench(
            settings=settings,
            store=store,
            documents=documents,
            context=ContextIndex(documents),
            ingest=Ingest(documents, reader=reader, max_document_bytes=max_bytes),
            llm=llm,
            server=server,
            engine=engine or default_engine(),
        )
