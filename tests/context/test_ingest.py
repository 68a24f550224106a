"""The index is kept like the folders that were added."""

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tailrace.context.ingest import Ingest
from tailrace.context.pool import ParserPool
from tailrace.context.report import FileOutcome, IngestProgress, IngestReport
from tailrace.context.search import ContextIndex
from tailrace.context.walk import walk
from tailrace.errors import ErrorCode, InvalidRequestError, NotFoundError
from tailrace.stores.documents import DocumentStatus
from tailrace.stores.sqlite.documents import SqliteDocuments


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def files_of(seen: Sequence[IngestProgress]) -> list[FileOutcome]:
    return [file for progress in seen for file in progress.files]


async def titles(store: SqliteDocuments) -> list[str]:
    status = DocumentStatus.SEARCHABLE
    rows, _ = await store.list_documents("", limit=100, offset=0, status=status)
    return sorted(row.title for row in rows)


async def test_a_folder_is_read_and_a_second_look_reads_nothing(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_md="# Alpha\ntext", sub__b_txt="beta", c_png="x")
    seen: list[IngestProgress] = []

    async def keep(progress: IngestProgress) -> None:
        seen.append(progress)

    report = await ingest.add_path(folder, on_progress=keep)
    skipped = ((f"{folder.as_posix()}/c.png", "images are not read"),)
    rows, _ = await store.list_documents("", limit=9, offset=0)
    ids = tuple(row.id for row in rows if row.status is DocumentStatus.SEARCHABLE)
    assert report == IngestReport(added=2, skipped=skipped, document_ids=ids)
    assert sum(each.found for each in seen) == 3
    assert sorted((each.source, each.status.value) for each in files_of(seen)) == [
        (f"{folder.as_posix()}/a.md", "searchable"),
        (f"{folder.as_posix()}/c.png", "skipped"),
        (f"{folder.as_posix()}/sub/b.txt", "searchable"),
    ]
    assert await titles(store) == ["Alpha", "b.txt"]
    seen.clear()
    again = await ingest.rescan(on_progress=keep)
    assert again == IngestReport(unchanged=2, skipped=skipped)
    assert [each.source for each in files_of(seen)] == [f"{folder.as_posix()}/c.png"]
    assert sum(each.unchanged for each in seen) == 2


async def test_a_changed_file_is_a_new_revision_and_a_gone_one_is_removed(
    ingest: Ingest, store: SqliteDocuments, index: ContextIndex, folder: Path
) -> None:
    write(folder, a_txt="alpha", b_txt="beta", c_txt="gamma")
    await ingest.add_path(folder)
    write(folder, a_txt="delta words", d_txt="new")
    (folder / "b.txt").unlink()
    report = await ingest.rescan()
    assert (report.added, report.updated, report.unchanged, report.removed) == (1, 1, 1, 1)
    assert await titles(store) == ["a.txt", "c.txt", "d.txt"]
    assert await index.search("alpha beta", owner="") == []
    [passage] = await index.search("delta", owner="")
    assert (passage.text, passage.revision) == ("delta words", 2)


async def test_a_touched_file_is_no_new_revision(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="alpha")
    await ingest.add_path(folder)
    os.utime(folder / "a.txt", ns=(1, 1))
    assert (await ingest.rescan()).unchanged == 1
    [row], _ = await store.list_documents("", limit=9, offset=0)
    assert (row.revision, row.mtime_ns) == (1, 1)


async def test_what_machines_keep_for_themselves_is_left_out(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, keep_txt="x")
    left_out = (".git", "node_modules", "sub/__pycache__", "env", "cache")
    for name in left_out:
        (folder / name).mkdir(parents=True)
        (folder / name / "no.txt").write_text("x")
    (folder / "env" / "pyvenv.cfg").touch()
    (folder / "cache" / "CACHEDIR.TAG").touch()
    (folder / ".hidden.txt").write_text("x")
    await ingest.add_path(folder)
    assert await titles(store) == ["keep.txt"]


async def test_links_lead_nowhere_outside_and_into_no_cycle(
    ingest: Ingest, store: SqliteDocuments, folder: Path, tmp_path: Path
) -> None:
    write(tmp_path, outside_txt="secret")
    write(folder, sub__a_txt="alpha")
    (folder / "cycle").symlink_to(folder)
    (folder / "again.txt").symlink_to(folder / "sub" / "a.txt")
    (folder / "leak.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "broken").symlink_to(folder / "nothing")
    (folder / "itself").symlink_to(folder / "itself")
    report = await ingest.add_path(folder)
    assert await titles(store) == ["a.txt"]
    assert sorted((Path(path).name, reason) for path, reason in report.skipped) == [
        ("broken", "the link leads nowhere"),
        ("itself", "the link leads nowhere"),
        ("leak.txt", "the link leads out of the folder"),
        ("up", "the link leads out of the folder"),
    ]


async def test_a_pipe_in_the_folder_holds_nothing_up(ingest: Ingest, folder: Path) -> None:
    write(folder, a_txt="alpha")
    os.mkfifo(folder / "pipe.txt")
    async with asyncio.timeout(20):
        assert (await ingest.add_path(folder)).added == 1


async def test_a_name_that_is_no_text_is_skipped(ingest: Ingest, folder: Path) -> None:
    write(folder, a_txt="alpha")
    shutil.copy(folder / "a.txt", os.fsdecode(os.fsencode(folder) + b"/\xff.txt"))
    report = await ingest.add_path(folder)
    assert report.added == 1
    [(path, reason)] = report.skipped
    assert path.endswith("/\\udcff.txt")
    assert reason == "its name is not valid text; rename it"


async def test_a_large_file_is_skipped_and_read_once_it_is_small(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="x" * 100_001)
    report = await ingest.add_path(folder)
    assert report.skipped == ((f"{folder.as_posix()}/a.txt", "it is larger than 100,000 bytes"),)
    assert (await ingest.rescan()).skipped == report.skipped
    write(folder, a_txt="small")
    assert (await ingest.rescan()).added == 1
    assert await titles(store) == ["a.txt"]


async def test_a_limit_raised_lets_a_skipped_file_in(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="x" * 100_001)
    await ingest.add_path(folder)
    reader = ParserPool(max_document_bytes=200_000)
    larger = Ingest(store, reader=reader, max_document_bytes=200_000)
    assert (await larger.rescan()).added == 1
    await reader.aclose()


async def test_a_folder_that_went_away_loses_nothing(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="alpha")
    await ingest.add_path(folder)
    shutil.move(folder, folder.with_name("elsewhere"))
    report = await ingest.rescan()
    reason = "it is not there; its documents are kept until it is removed"
    assert report == IngestReport(failed=((folder.as_posix(), reason),))
    assert await titles(store) == ["a.txt"]
    assert await ingest.forget_path(folder) == 1
    assert await titles(store) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_a_folder_that_cannot_be_read_loses_nothing(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, sub__a_txt="alpha")
    await ingest.add_path(folder)
    (folder / "sub").chmod(0)
    try:
        report = await ingest.rescan()
    finally:
        (folder / "sub").chmod(0o700)
    reason = "it cannot be read: permission denied"
    assert report.skipped == ((f"{folder.as_posix()}/sub", reason),)
    assert await titles(store) == ["a.txt"]


async def test_a_removed_document_stays_removed_until_its_folder_is_added_again(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="alpha", b_txt="beta")
    await ingest.add_path(folder)
    row = next(
        r for r in (await store.list_documents("", limit=9, offset=0))[0] if r.title[0] == "a"
    )
    await ingest.remove(row.id)
    assert (await ingest.rescan()).added == 0
    assert await titles(store) == ["b.txt"]
    assert (await ingest.add_path(folder)).added == 1
    with pytest.raises(NotFoundError):
        await ingest.remove(row.id)


async def test_a_hidden_folder_added_by_itself_stays_in_the_index(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="alpha")
    (folder / ".diary").mkdir()
    write(folder / ".diary", b_txt="beta")
    await ingest.add_path(folder / ".diary")
    assert (await ingest.add_path(folder)) == IngestReport(added=1, unchanged=1, document_ids=(2,))
    assert await ingest.rescan() == IngestReport(unchanged=2)
    assert await titles(store) == ["a.txt", "b.txt"]


async def test_a_single_file_is_read_and_watched(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="alpha", b_txt="beta")
    assert (await ingest.add_path(folder / "a.txt")).added == 1
    write(folder, a_txt="alpha two")
    assert (await ingest.rescan()).updated == 1
    assert await titles(store) == ["a.txt"]


async def test_a_folder_has_an_end(folder: Path) -> None:
    for number in range(8):
        (folder / f"{number}.txt").write_text("x")
    found = walk(folder, max_files=5)
    assert [Path(file.source).name for file in found.files] == [f"{n}.txt" for n in range(5)]
    assert not found.complete
    limit = "there are more than 5 files; the rest was not read"
    assert found.skipped == [(folder.as_posix(), limit)]


async def test_nothing_there_is_said_so(ingest: Ingest, folder: Path) -> None:
    with pytest.raises(NotFoundError, match="there is nothing at"):
        await ingest.add_path(folder / "nothing")
    with pytest.raises(NotFoundError, match="was not added"):
        await ingest.forget_path(folder)
    with pytest.raises(InvalidRequestError, match="neither a folder nor a file"):
        await ingest.add_path(Path(os.devnull))


async def test_an_upload_is_kept_and_the_same_name_replaces_it(
    ingest: Ingest, store: SqliteDocuments
) -> None:
    first = await ingest.add_text("../up/Notes.md", b"# Notes\r\none")
    second = await ingest.add_text("Notes.md", "# Notes \udcff\ntwo")
    assert (first.source, first.title, first.revision) == ("Notes.md", "Notes", 1)
    assert (second.id, second.revision) == (first.id, 2)
    assert await store.text(first.id, "") == "# Notes \N{REPLACEMENT CHARACTER}\ntwo"
    assert (await ingest.rescan()) == IngestReport()
    assert await titles(store) == ["Notes \N{REPLACEMENT CHARACTER}"]


@pytest.mark.parametrize(
    ("name", "content", "message", "code"),
    [
        ("a.png", b"x", "'a.png' cannot be added: images", ErrorCode.INVALID_REQUEST),
        ("a.txt", b"\0", "its content is not text", ErrorCode.INVALID_REQUEST),
        ("a.txt", "x" * 100_001, "larger than 100,000 bytes", ErrorCode.BODY_TOO_LARGE),
        (" / ", b"x", "needs a name", ErrorCode.INVALID_REQUEST),
    ],
)
async def test_an_upload_that_cannot_be_read_is_refused_with_a_reason(
    ingest: Ingest, name: str, content: bytes | str, message: str, code: ErrorCode
) -> None:
    with pytest.raises(InvalidRequestError, match=message) as refused:
        await ingest.add_text(name, content)
    assert refused.value.code is code


async def test_scans_that_come_together_follow_one_another(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, **{f"n{number}_txt": f"text {number}" for number in range(40)})
    async with asyncio.timeout(30):
        reports = await asyncio.gather(*(ingest.add_path(folder) for _ in range(3)))
    assert sorted(report.added for report in reports) == [0, 0, 40]
    assert (await store.list_documents("", limit=1, offset=0))[1] == 40


async def test_a_moved_file_keeps_its_document_and_its_revision(
    ingest: Ingest, store: SqliteDocuments, tmp_path: Path, folder: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    write(folder, a_txt="alpha", b_md="# Beta\n\ntext")
    await ingest.add_path(folder)
    await ingest.add_path(other)
    rows, _ = await store.list_documents("", limit=9, offset=0)
    (folder / "a.txt").rename(folder / "c.txt")
    (folder / "b.md").rename(other / "b.md")
    assert await ingest.rescan() == IngestReport(unchanged=2)
    moved, _ = await store.list_documents("", limit=9, offset=0)
    assert [(row.id, row.revision) for row in moved] == [(row.id, 1) for row in rows]
    assert [(row.source, row.title) for row in moved] == [
        (f"{folder.as_posix()}/c.txt", "c.txt"),
        (f"{other.as_posix()}/b.md", "Beta"),
    ]
    assert await ingest.rescan() == IngestReport(unchanged=2)


async def test_where_two_files_may_be_meant_none_is_taken_for_moved(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="alpha", b_txt="alpha")
    await ingest.add_path(folder)
    (folder / "a.txt").rename(folder / "c.txt")
    (folder / "b.txt").unlink()
    report = await ingest.rescan()
    assert (report.added, report.removed) == (1, 2)
    assert await titles(store) == ["c.txt"]


async def test_only_what_changed_is_looked_at_where_it_is_known(
    ingest: Ingest, store: SqliteDocuments, folder: Path
) -> None:
    write(folder, a_txt="alpha", sub__b_txt="beta", c_txt="gamma")
    await ingest.add_path(folder)
    write(folder, a_txt="alpha anew", sub__b_txt="beta anew", d_txt="delta")
    (folder / "c.txt").unlink()
    changed = [f"{folder.as_posix()}/{name}" for name in ("sub", "c.txt", "d.txt", "none.txt")]
    report = await ingest.update_paths(changed)
    assert (report.added, report.updated, report.removed) == (1, 1, 1)
    outside = await ingest.update_paths(["/somewhere/else.txt"])
    assert outside == IngestReport()
    assert await titles(store) == ["a.txt", "b.txt", "d.txt"]
