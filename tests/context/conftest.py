"""A home with documents in it."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tailrace.context.ingest import Ingest
from tailrace.context.pool import ParserPool
from tailrace.context.search import ContextIndex
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.store import SQLiteStore

MAX_DOCUMENT_BYTES = 100_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteDocuments]:
    """An empty home."""
    home = await SQLiteStore.open(tmp_path / "home.db")
    yield SqliteDocuments(home.database)
    await home.aclose()


@pytest.fixture
async def reader() -> AsyncGenerator[ParserPool]:
    """What reads files; 100,000 bytes each at most."""
    pool = ParserPool(max_document_bytes=MAX_DOCUMENT_BYTES)
    yield pool
    await pool.aclose()


@pytest.fixture
def ingest(store: SqliteDocuments, reader: ParserPool) -> Ingest:
    """What reads documents into the home."""
    return Ingest(store, reader=reader, max_document_bytes=MAX_DOCUMENT_BYTES)


@pytest.fixture
def index(store: SqliteDocuments) -> ContextIndex:
    """What finds passages in it."""
    return ContextIndex(store)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder outside of the home."""
    made = tmp_path / "notes"
    made.mkdir()
    return made
