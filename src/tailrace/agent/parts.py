"""Floor 5: Parts, everything one home is made of, built once and closed in reverse order."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from tailrace._clock import Clock
from tailrace.context.indexer import VectorIndexer
from tailrace.context.ingest import Ingest
from tailrace.context.matrix import is_possible
from tailrace.context.meaning import Meaning
from tailrace.context.search import ContextIndex
from tailrace.context.vaults import Vaults
from tailrace.llm.base import LLMClient
from tailrace.llm.library import ModelLibrary
from tailrace.llm.registry import open_embedder, open_library, open_llm
from tailrace.nodes.base import BaseNode
from tailrace.nodes.context import ContextNode
from tailrace.nodes.executor import ExecutorNode
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
        vaults: Writes notes, which are documents too.
        library: The model files of this machine.
        llm: The model.
        engine: Runs the nodes.
        worker: The name its runs' leases are held under. Empty: no other process shares the
            store, so that whatever holds a lease there is dead, and none needs to be renewed.
    """

    settings: Settings
    store: Store
    documents: DocumentStore
    context: ContextIndex
    indexer: VectorIndexer
    ingest: Ingest
    vaults: Vaults
    library: ModelLibrary
    llm: LLMClient
    engine: WorkflowEngine
    worker: str = ""


def default_engine(*own: BaseNode) -> WorkflowEngine:
    """The engine with our own node for each stage; one of `own` takes the place of ours at its."""
    nodes: list[BaseNode] = [IntentNode(), ContextNode(), ExecutorNode(), *own]
    return WorkflowEngine({node.stage: node for node in nodes})


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
            ingest=Ingest(documents, max_document_bytes=settings.max_upload_bytes, clock=clock),
            vaults=Vaults(documents, max_document_bytes=settings.max_upload_bytes, clock=clock),
            library=library,
            llm=llm,
            engine=engine or default_engine(),
        )
