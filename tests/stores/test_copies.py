"""A copy of a home is whole and checked before it counts; damage is found, and said to be where."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from tailrace.errors import ConflictError, InvalidRequestError, NotFoundError, StoreError
from tailrace.settings import Settings
from tailrace.stores.damage import DamagedAnswer, DamagedRun, Integrity
from tailrace.stores.registry import back_up_store, check_store, open_stores, restore_store
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.testing.made_runs import AT, accepted_run, chunks
from tailrace.testing.trimming import ended_run


async def home_with_an_answer(home: Path) -> tuple[str, int, int]:
    """A home with one answered run: its id, its conversation, its answer's message."""
    store, _ = await open_stores(Settings(home=home))
    conversation = await store.create_conversation("", "home", {}, AT)
    log = await ended_run(store, ["The good ", "plan."], conversation_id=conversation.id)
    run = await store.get_run(log[0].event.run_id, "")
    await store.aclose()
    assert run.assistant_message_id is not None
    return run.run_id, conversation.id, run.assistant_message_id


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def spoil(home: Path, sql: str) -> None:
    """Change the database as no store would."""
    with sqlite3.connect(home / "tailrace.db") as connection:
        connection.execute(sql)
    connection.close()


SPOIL_EVENT = "UPDATE events SET data = CAST(replace(data, 'good', 'goof') AS BLOB) WHERE seq = 2"


async def test_a_backup_is_made_beside_a_store_at_work_and_can_be_opened(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    store = await SQLiteStore.open(tmp_path / "home" / "tailrace.db")
    log = await ended_run(store, ["so ", "it ", "was"])
    live = (await accepted_run(store)).run.run_id
    found = back_up_store(tmp_path / "home", tmp_path / "copy.db")
    await store.append(live, 1, 2, chunks(live, 2, ["after the copy"]))
    await store.aclose()
    copy = await SQLiteStore.open(tmp_path / "copy.db")
    assert (found.events, found.complete, found.intact) == (len(log) + 1, True, True)
    assert await copy.read(log[0].event.run_id, 0, 100) == log
    assert (await copy.get_run(live, "")).last_seq == 1
    await copy.aclose()
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


async def test_a_backup_never_overwrites(tmp_path: Path) -> None:
    await home_with_an_answer(tmp_path / "home")
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ConflictError, match="already"):
        back_up_store(tmp_path / "home", tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "precious"


@pytest.mark.parametrize(
    "sql", [SPOIL_EVENT, "UPDATE messages SET content = 'The goof plan.' WHERE role = 'assistant'"]
)
async def test_a_copy_with_a_byte_that_was_not_written_is_neither_made_nor_restored(
    tmp_path: Path, sql: str
) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept.db"
    await home_with_an_answer(home)
    back_up_store(home, kept)
    spoil(home, sql)
    with pytest.raises(StoreError, match="damaged"):
        back_up_store(home, tmp_path / "copy.db")
    (tmp_path / "other").mkdir()
    with pytest.raises(StoreError, match="damaged"):
        restore_store(tmp_path / "other", home / "tailrace.db", AT)
    assert names_in(tmp_path) == ["home", "kept.db", "other"]
    assert names_in(tmp_path / "other") == []


async def test_what_a_backup_takes_the_place_of_is_put_aside_whole(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_id, _, _ = await home_with_an_answer(home)
    back_up_store(home, tmp_path / "copy.db")
    store = await SQLiteStore.open(home / "tailrace.db")
    later = (await accepted_run(store)).run.run_id
    await store.aclose()
    aside = restore_store(home, tmp_path / "copy.db", AT)
    assert aside is not None
    assert aside == home / "tailrace.before-restore-20260102-030405.db"
    now, before = await SQLiteStore.open(home / "tailrace.db"), await SQLiteStore.open(aside)
    assert [run.run_id for run in await now.list_runs("", 9, None)] == [run_id]
    assert [run.run_id for run in await before.list_runs("", 9, None)] == [later, run_id]
    await now.aclose()
    await before.aclose()
    assert (tmp_path / "copy.db").is_file()


async def test_a_home_that_cannot_be_read_any_more_is_restored_all_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_id, _, _ = await home_with_an_answer(home)
    back_up_store(home, tmp_path / "copy.db")
    (home / "tailrace.db").write_bytes(b"no database " * 1_000)
    (home / "tailrace.db-wal").write_bytes(b"nor this" * 1_000)
    aside = restore_store(home, tmp_path / "copy.db", AT)
    assert aside is not None
    assert aside.read_bytes()[:11] == b"no database"
    assert names_in(home) == [aside.name, f"{aside.name}-wal", "tailrace.db"]
    store = await SQLiteStore.open(home / "tailrace.db")
    assert [run.run_id for run in await store.list_runs("", 9, None)] == [run_id]
    await store.aclose()


@pytest.mark.parametrize(
    ("content", "error"),
    [(None, NotFoundError), (b"just text", StoreError), (b"", InvalidRequestError)],
)
async def test_what_is_no_backup_changes_nothing(
    tmp_path: Path, content: bytes | None, error: type[Exception]
) -> None:
    home = tmp_path / "home"
    await home_with_an_answer(home)
    before = sorted((each.name, each.read_bytes()) for each in home.iterdir())
    if content is not None:
        (tmp_path / "copy.db").write_bytes(content)
    with pytest.raises(error):
        restore_store(home, tmp_path / "copy.db", AT)
    assert sorted((each.name, each.read_bytes()) for each in home.iterdir()) == before


async def test_a_flipped_byte_is_found_and_said_to_be_where(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_id, conversation_id, message_id = await home_with_an_answer(home)
    assert check_store(home, None) == Integrity(events=4, answers=1)
    spoil(home, SPOIL_EVENT)
    damaged = DamagedRun(
        run_id=run_id,
        conversation_id=conversation_id,
        message_id=message_id,
        first_seq=2,
        events=1,
        is_live=False,
    )
    assert check_store(home, None) == Integrity(events=4, answers=1, damaged_runs=(damaged,))


async def test_an_answer_that_is_not_what_its_run_wrote_is_found(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_id, conversation_id, message_id = await home_with_an_answer(home)
    spoil(home, "UPDATE messages SET content = 'The bad plan.' WHERE role = 'assistant'")
    damaged = DamagedAnswer(message_id=message_id, conversation_id=conversation_id, run_id=run_id)
    assert check_store(home, None) == Integrity(events=4, answers=1, damaged_answers=(damaged,))


async def test_a_snapshot_that_is_not_what_was_written_is_found(tmp_path: Path) -> None:
    home = tmp_path / "home"
    run_id, _, _ = await home_with_an_answer(home)
    spoil(home, "UPDATE snapshots SET data = CAST(replace(data, 'good', 'goof') AS BLOB)")
    found = check_store(home, None)
    assert found == Integrity(events=4, answers=1, damaged_snapshots=(run_id,))


async def test_a_row_whose_run_is_gone_is_found(tmp_path: Path) -> None:
    home = tmp_path / "home"
    await home_with_an_answer(home)
    spoil(home, "DELETE FROM runs")  # sqlite3 holds no foreign keys unless it is asked to
    found = check_store(home, None)
    assert (found.loose_rows, found.intact) == (7, False)


async def test_a_check_without_time_says_that_it_has_not_seen_all(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = await SQLiteStore.open(home / "tailrace.db")
    for _ in range(20):
        await ended_run(store, ["x"] * 500)
    await store.aclose()
    found = check_store(home, 0.0)
    assert (found.complete, found.intact) == (False, True)
    assert found.events < 20 * 502


async def test_a_page_that_is_garbage_is_found(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    store = await SQLiteStore.open(home / "tailrace.db")
    await ended_run(store, ["some text " * 50] * 200)
    await store.aclose()
    shutil.copy(home / "tailrace.db", tmp_path / "good.db")
    data = bytearray((home / "tailrace.db").read_bytes())
    middle = data.index(b"some text", len(data) // 2) // 4096 * 4096
    data[middle : middle + 64] = bytes(range(64))
    (home / "tailrace.db").write_bytes(data)
    found = check_store(home, None)
    assert (found.unreadable, found.intact) == (True, False)
    with pytest.raises(StoreError, match="damaged"):
        back_up_store(home, tmp_path / "copy.db")
    restore_store(home, tmp_path / "good.db", AT)
    assert check_store(home, None).intact
