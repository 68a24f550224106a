"""SqliteDocuments keeps the contract, and leaves nothing behind."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from tailrace.stores.documents import DocumentStore, Leg
from tailrace.stores.sqlite import revisions
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.stores.sqlite.migrate import migrations
from tailrace.stores.sqlite.rows import rows
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.stores.sqlite.vectors import SqliteVectors
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
        connection.execute(
            "INSERT INTO chunks (id, text_id, ordinal, heading, char_start, char_end, text)"
            " VALUES (99, 99, 0, '', 0, 10, 'alpha left')"
        )
        connection.execute("INSERT INTO chunk_index (rowid, text) VALUES (99, 'alpha left')")

    await home.database.write(leave)
    assert await found(store, "alpha") == ["alpha"]
    assert await store.sweep() == 1
    assert await store.sweep() == 0
    assert await found(store, "alpha") == ["alpha"]


async def test_documents_outlive_the_table_they_stood_in(tmp_path: Path) -> None:
    path = tmp_path / "home.db"
    old = apsw.Connection(str(path))
    for _, sql in migrations()[:2]:
        old.execute(sql)
    old.execute(
        "INSERT INTO document_texts VALUES (7, 'alpha ☂');"
        "INSERT INTO chunks VALUES (8, 7, 0, '', 0, 7, 'alpha ☂');"
        "INSERT INTO chunk_index (rowid, heading, text) VALUES (8, '', 'alpha ☂');"
    )
    insert = (
        "INSERT INTO documents VALUES (?, '', ?, ?, 'text', 9, 5, 'hash', 3, ?, ?, ?, ?, 'folder',"
        " '2026-03-04T19:00:00+00:00', '2026-03-04T19:00:00+00:00')"
    )
    old.execute(insert, (4, "/a.txt", "a.txt", 7, 1, "searchable", ""))
    old.execute(insert, (5, "/b.png", "b.png", None, 0, "skipped", "images are not read"))
    old.execute(insert, (9, "/c.txt", "c.txt", None, 0, "failed", "it is gone"))
    old.execute("DELETE FROM documents WHERE id = 9")
    old.pragma("user_version", 2)
    old.close()
    home = await SQLiteStore.open(path)
    store = SqliteDocuments(home.database)
    listed, total = await store.list_documents("", limit=10, offset=0)
    assert [(row.id, row.source, row.revision, row.char_count) for row in listed] == [
        (4, "/a.txt", 3, 7),
        (5, "/b.png", 3, 0),
    ]
    assert (total, listed[0].document_type, listed[1].reason) == (2, "", "images are not read")
    assert await found(store, "alpha") == ["alpha ☂"]
    vectors = SqliteVectors(home.database)  # what was here before is finished by and by
    assert await vectors.unembedded("model", 9) == []
    assert await vectors.finish() == 1
    assert await vectors.finish() == 0
    assert [each.text for each in await vectors.unembedded("model", 9)] == ["alpha ☂"]
    [hit] = await store.search("", ["lpha"], limit=9, leg=Leg.UNKNOWN)
    assert hit.text == "alpha ☂"
    assert await store.text(4, "") == "alpha ☂"
    assert (await put(store, "/d", "delta")).id == 10  # 9 is not given away again
    assert (await put(store, "/a.txt", "omega")).id == 4
    assert set(await found(store, "alpha", "omega", "delta")) == {"omega", "delta"}
    await home.aclose()
    assert (tmp_path / "home.schema-2.backup").exists()


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
            " UNION ALL SELECT count(*) FROM document_revisions"
        )
        return [int(row[0]) for row in rows(connection, sql)]

    assert await home.database.read(count) == [0, 0, 0, 0]


async def test_replaced_texts_are_kept_up_to_a_number_and_to_a_size(
    home: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteDocuments(home.database)
    for number in range(revisions.KEPT_REVISIONS + 5):
        await put(store, "/a", f"text {number}")

    def texts(connection: apsw.Connection) -> list[str]:
        return [row[0] for row in rows(connection, "SELECT text FROM document_texts ORDER BY id")]

    assert await home.database.read(texts) == [f"text {number}" for number in range(4, 25)]
    monkeypatch.setattr(revisions, "KEPT_BYTES", 14)
    await put(store, "/a", "☂☂☂")
    assert await home.database.read(texts) == ["text 23", "text 24", "☂☂☂"]


async def test_chunks_that_a_killed_process_left_of_a_replaced_text_are_swept_and_it_stays(
    home: SQLiteStore,
) -> None:
    store = SqliteDocuments(home.database)
    row = await put(store, "/a", "alpha")
    await put(store, "/a", "beta")

    def leave(connection: apsw.Connection) -> None:
        connection.execute(
            "INSERT INTO chunks (id, text_id, ordinal, heading, char_start, char_end, text)"
            " SELECT 99, text_id, 0, '', 0, 5, 'alpha' FROM document_revisions"
        )
        connection.execute("INSERT INTO chunk_index (rowid, text) VALUES (99, 'alpha')")

    await home.database.write(leave)
    assert await store.sweep() == 1
    assert await store.sweep() == 0
    assert (await store.excerpt(row.id, "", 0, 9, 1))[1] == "alpha"
