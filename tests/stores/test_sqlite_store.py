"""SQLiteStore keeps the contract, and what only a file can break."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import apsw
import pytest

from tailrace.errors import CorruptLogError, StorageFullError, StoreError
from tailrace.stores.base import RunState, Store
from tailrace.stores.conversations import MessageStatus
from tailrace.stores.retention import Trimmed
from tailrace.stores.sqlite import rows
from tailrace.stores.sqlite.database import Database, Synchronous
from tailrace.stores.sqlite.migrate import migrations
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.testing.made_runs import AT, accepted_run, chunks
from tailrace.testing.stores import CHECKS
from tailrace.testing.trimming import LATER, ended_run


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_sqlite_keeps_the_contract(
    tmp_path: Path, check: Callable[[Store], Awaitable[None]]
) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    try:
        await check(store)
    finally:
        await store.aclose()


async def test_events_are_there_after_the_file_was_closed_and_opened(tmp_path: Path) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    run_id = (await accepted_run(store)).run.run_id
    events = chunks(run_id, 2, ["kept"])
    await store.append(run_id, 1, 2, events)
    await store.aclose()
    again = await SQLiteStore.open(tmp_path / "home.db")
    assert await again.read(run_id, 1, 10) == events
    await again.aclose()


async def test_a_flipped_byte_is_found_by_its_checksum(tmp_path: Path) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    run_id = (await accepted_run(store)).run.run_id
    events = chunks(run_id, 2, ["good", "bad", "more"])
    await store.append(run_id, 1, 2, events)
    await store.aclose()
    with sqlite3.connect(tmp_path / "home.db") as connection:
        connection.execute(
            "UPDATE events SET data = CAST(replace(data, 'bad', 'evil') AS BLOB) WHERE seq = 3"
        )
    connection.close()
    again = await SQLiteStore.open(tmp_path / "home.db")
    assert await again.read(run_id, 1, 10) == events[:1]
    with pytest.raises(CorruptLogError, match="event 1-3"):
        await again.read(run_id, 2, 10)
    assert await again.read(run_id, 3, 10) == events[2:]
    await again.aclose()


async def test_a_live_run_with_a_flipped_byte_is_closed_with_what_is_before_it(
    tmp_path: Path,
) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    conversation = await store.create_conversation("", "home", {}, AT)
    run_id = (await accepted_run(store, conversation_id=conversation.id)).run.run_id
    await store.append(run_id, 1, 2, chunks(run_id, 2, ["good", "bad", "more"]))
    await store.database.write(
        lambda c: rows.rows(c, "UPDATE events SET checksum = 1 WHERE seq = 3")
    )
    run = await store.cancel(run_id, AT)
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (run.state, run.last_seq) == (RunState.CANCELLED, 5)
    assert (message.status, message.content) == (MessageStatus.CANCELLED, "good")
    await store.aclose()


async def test_a_home_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "home.db"
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", 9_999)
    connection.close()
    with pytest.raises(StoreError, match="newer Tailrace"):
        await SQLiteStore.open(path)


async def test_a_migration_copies_a_home_that_holds_data_first(tmp_path: Path) -> None:
    path = tmp_path / "home.db"
    connection = apsw.Connection(str(path))
    connection.execute(migrations()[0][1])
    connection.execute(
        "INSERT INTO conversations (title, created_at, updated_at) VALUES ('old', 't', 't')"
    )
    connection.pragma("user_version", 1)
    connection.close()
    await (await SQLiteStore.open(path)).aclose()
    copy = apsw.Connection(str(tmp_path / "home.schema-1.backup"))
    assert copy.execute("SELECT title FROM conversations").fetchall() == [("old",)]
    copy.close()


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "home.db"
    path.write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StoreError, match="damaged"):
        await SQLiteStore.open(path)


async def test_an_operation_that_fails_takes_back_only_its_own_work(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "x.db", Synchronous.NORMAL)

    def create(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE t (a UNIQUE)")

    def values(connection: apsw.Connection) -> list[object]:
        return [row[0] for row in rows.rows(connection, "SELECT a FROM t ORDER BY a")]

    await database.write(create)

    def insert(value: int, *, broken: bool) -> Callable[[apsw.Connection], None]:
        def operation(connection: apsw.Connection) -> None:
            connection.execute("INSERT INTO t VALUES (?)", (value,))
            if broken:
                msg = "on purpose"
                raise ZeroDivisionError(msg)

        return operation

    results = await asyncio.gather(
        *(database.write(insert(i, broken=i % 3 == 0)) for i in range(9)), return_exceptions=True
    )
    assert [type(result) for result in results if result is not None] == [ZeroDivisionError] * 3
    assert await database.read(values) == [1, 2, 4, 5, 7, 8]
    await database.aclose()


async def test_a_full_disk_is_told_to_all_whose_work_it_took_back(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "x.db", Synchronous.NORMAL)

    def create(connection: apsw.Connection) -> None:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("PRAGMA max_page_count = 10")

    await database.write(create)

    def insert(size: int) -> Callable[[apsw.Connection], list[rows.Row]]:
        return lambda c: rows.rows(c, "INSERT INTO t VALUES (zeroblob(?))", (size,))

    together = await asyncio.gather(
        *(database.write(insert(size)) for size in (1, 100_000, 2)), return_exceptions=True
    )
    alone = await asyncio.gather(database.write(insert(3)), return_exceptions=True)
    assert [type(error) for error in together] == [StorageFullError] * 3
    assert alone == [[]]
    assert await database.read(lambda c: rows.rows(c, "SELECT length(a) FROM t")) == [(3,)]
    await database.aclose()


async def test_a_closed_store_refuses_writes(tmp_path: Path) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    await store.aclose()
    with pytest.raises(StoreError, match="closed"):
        await accepted_run(store)


async def test_a_run_from_before_snapshots_keeps_what_it_amounts_to(tmp_path: Path) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    log = await ended_run(store, list("abcdef"))
    run_id = log[0].event.run_id
    kept = await store.snapshot(run_id)
    await store.database.write(lambda c: rows.rows(c, "DELETE FROM snapshots"))
    assert (await store.trim(LATER, 2)).events == 2
    assert await store.snapshot(run_id) == kept
    await store.trim(LATER, 100)
    assert await store.snapshot(run_id) == kept
    await store.aclose()


async def test_a_damaged_run_is_left_whole_and_the_others_are_trimmed(tmp_path: Path) -> None:
    store = await SQLiteStore.open(tmp_path / "home.db")
    damaged = await ended_run(store, ["a"])
    sound = await ended_run(store, ["b"])

    def spoil(connection: apsw.Connection) -> None:
        connection.execute("DELETE FROM snapshots WHERE run = 1")
        connection.execute("UPDATE events SET checksum = 1 WHERE run = 1 AND seq = 2")

    await store.database.write(spoil)
    assert await store.trim(LATER, 100) == Trimmed(runs=1, events=2, done=True)
    assert (await store.get_run(damaged[0].event.run_id, "")).trimmed_seq == 0
    assert (await store.get_run(sound[0].event.run_id, "")).trimmed_seq == 2
    await store.aclose()
