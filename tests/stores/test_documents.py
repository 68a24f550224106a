"""SqliteDocuments keeps the contract, and leaves nothing behind."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from tailrace.stores.documents import DocumentStore
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.rows import rows
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.testing.documents import CHECKS, found, put


@pytest.fixture
async def home(tmp_path: Path) -> AsyncGenerator[SQLiteStore]:
    store = await SQLiteStore.open(tmp_path / "home.db")
    yield store
    await store.aclose()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_sqlite_keeps_the_contract(
    home: SQLiteStore, check: Callable[[DocumentStore], Awaitable[None]]
) -> None:
    await check(SqliteDocuments(home.database))


async def test_a_text_that_a_killed_process_left_is_not_found_and_is_swept(
    home: SQLiteStore,
) -> None:
    store = SqliteDocuments(home.database)
    await put(store, "/a", "alpha")

    def leave(connection: apsw.Connection) -> None:
        connection.execute("INSERT INTO document_texts (id, text) VALUES (99, 'alpha left')")
        connection.execute("INSERT INTO chunks VALUES (99, 99, 0, '', 0, 10, 'alpha left')")
        connection.execute("INSERT INTO chunk_index (rowid, text) VALUES (99, 'alpha left')")

    await home.database.write(leave)
    assert await found(store, "alpha") == ["alpha"]
    assert await store.sweep() == 1
    assert await store.sweep() == 0
    assert await found(store, "alpha") == ["alpha"]


async def test_deleted_documents_leave_nothing_in_the_file(home: SQLiteStore) -> None:
    store = SqliteDocuments(home.database)
    documents = [await put(store, f"/{n}", "alpha\nbeta") for n in range(3)]
    await put(store, "/0", "gamma")
    for document in documents:
        await store.delete(document.id, "")

    def count(connection: apsw.Connection) -> list[int]:
        sql = (
            "SELECT count(*) FROM documents UNION ALL SELECT count(*) FROM document_texts"
            " UNION ALL SELECT count(*) FROM chunks"
        )
        return [int(row[0]) for row in rows(connection, sql)]

    assert await home.database.read(count) == [0, 0, 0]
