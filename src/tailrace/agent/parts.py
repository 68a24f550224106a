"""Floor 5: Parts, everything one home is made of, built once and closed in reverse order."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import assert_never

from tailrace._clock import Clock
from tailrace.context.indexer import VectorIndexer
from tailrace.context.ingest import Ingest
from tailrace.context.matrix import is_possible
from tailrace.context.meaning import Meaning
from tailrace.context.pool import ParserPool
from tailrace.context.search import ContextIndex
from tailrace.context.vaults import Vaults
from tailrace.context.web_address import parse_ports
from tailrace.context.web_fetch import FetchLimits, WebFetcher
from tailrace.context.web_pages import WebPages
from tailrace.events.types import RunKind
from tailrace.llm.base import LLMClient
from tailrace.llm.library import ModelLibrary
from tailrace.llm.registry import open_embedder, open_library, open_llm
from tailrace.nodes.base import BaseNode
from tailrace.nodes.context import ContextNode
from tailrace.nodes.executor import ExecutorNode
from tailrace.nodes.ingest import IngestNode
from tailrace.nodes.intent import IntentNode
from tailrace.settings import Settings
from tailrace.stores.base import Store
from tailrace.stores.documents import DocumentStore
from tailrace.stores.registry import open_stores, vectors_of
from tailrace.workflow.engine import WorkflowEngine


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an agent is built of; anything may be replaced by one's own.

    Attributes:
        store: Runs, logs and conversations.
        documents: The text and passages of what was added.
        context: Finds passages.
        indexer: Makes new passages findable by parts of words and by meaning, in the background.
        ingest: Reads documents in.
        pages: Reads pages of the web in.
        vaults: Writes notes, which are documents too.
        library: The model files of this machine.
        llm: The model.
        engine: Runs the nodes of a question.
        ingest_engine: Runs the node that reads documents in.
        worker: The name its runs' leases are held under. Empty: no other process shares the
            store, so that whatever holds a lease there is dead, and none needs to be renewed.
    """

    settings: Settings
    store: Store
    documents: DocumentStore
    context: ContextIndex
    indexer: VectorIndexer
    ingest: Ingest
    pages: WebPages
    vaults: Vaults
    library: ModelLibrary
    llm: LLMClient
    engine: WorkflowEngine
    ingest_engine: WorkflowEngine
    worker: str = ""

    def engine_for(self, kind: RunKind) -> WorkflowEngine:
        """What runs the nodes of a run of that kind."""
        match kind:
            case RunKind.CHAT:
                return self.engine
            case RunKind.INGEST:
                return self.ingest_engine
        assert_never(kind)

    def timeout_s(self, kind: RunKind) -> float:
        """How long a run of that kind may take."""
        match kind:
            case RunKind.CHAT:
                return self.settings.run_timeout_s
            case RunKind.INGEST:
                return self.settings.ingest_timeout_s
        assert_never(kind)


def default_engine(*own: BaseNode) -> WorkflowEngine:
    """The engine with our own node for each stage; one of `own` takes the place of ours at its."""
    nodes: list[BaseNode] = [IntentNode(), ContextNode(), ExecutorNode(), *own]
    return WorkflowEngine({node.stage: node for node in nodes})


def open_web(settings: Settings) -> WebFetcher:
    """What fetches pages of the web.

    Raises:
        InvalidRequestError: a setting cannot be used.
    """
    limits = FetchLimits(
        max_bytes=settings.max_upload_bytes,
        connect_s=settings.connect_timeout_s,
        total_s=settings.web_timeout_s,
        ports=parse_ports(settings.web_ports),
        allow_private=settings.web_allow_private,
    )
    return WebFetcher(limits)


def ingest_engine(node: IngestNode) -> WorkflowEngine:
    """The engine of a run that reads documents in: one stage."""
    return WorkflowEngine({node.stage: node}, order=(node.stage,))


@asynccontextmanager
async def open_parts(
    settings: Settings, clock: Clock, engine: WorkflowEngine | None = None
) -> AsyncGenerator[Parts, None]:
    """The parts of `settings.home`; `engine` is ours where none is given.

    Raises:
        StoreError: the home cannot be used.
        InvalidRequestError: a setting cannot be used.
    """
    async with AsyncExitStack() as stack:
        library = open_library(settings)
        llm = open_llm(settings, library)
        stack.push_async_callback(llm.aclose)
        store, documents = await open_stores(settings, clock)
        stack.push_async_callback(store.aclose)
        max_bytes = settings.max_upload_bytes
        reader = ParserPool(
            max_document_bytes=max_bytes,
            timeout_s=settings.parse_timeout_s,
            memory_bytes=settings.parse_memory_bytes,
        )
        stack.push_async_callback(reader.aclose)
        ingest = Ingest(
            documents,
            reader=reader,
            max_document_bytes=max_bytes,
            clock=clock,
            home=settings.home,
        )
        pages = WebPages(documents, reader=reader, fetcher=open_web(settings), clock=clock)
        vectors = vectors_of(store)
        embedder = open_embedder(settings) if is_possible() else None
        meaning = None
        if embedder is not None:
            stack.push_async_callback(embedder.aclose)
            meaning = Meaning(embedder, vectors)
        indexer = VectorIndexer(vectors, embedder, clock)
        stack.push_async_callback(indexer.aclose)
        documents.on_put(indexer.wake)
        yield Parts(
            settings=settings,
            store=store,
            documents=documents,
            context=ContextIndex(documents, meaning),
            indexer=indexer,
            ingest=ingest,
            pages=pages,
            vaults=Vaults(documents, max_document_bytes=max_bytes, clock=clock),
            library=library,
            llm=llm,
            engine=engine or default_engine(),
            ingest_engine=ingest_engine(IngestNode(ingest, pages, indexer)),
        )
