"""A folder of hostile and broken files is read to its end: each has its reason, nothing leaks."""

import os
import shutil
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tailrace.context.ingest import Ingest
from tailrace.context.pool import ParserPool
from tailrace.context.read import Reading
from tailrace.context.search import ContextIndex
from tailrace.context.walk import walk
from tailrace.stores.documents import DocumentStatus
from tailrace.stores.sqlite.documents import SqliteDocuments
from tailrace.testing import hostile_files as hostile

CANARY = "canary7f3a"
DAMAGED_ZIP = "its archive is damaged or cut off"
LOCKED = "it is protected with a password"
BOMB = "it would unpack to far more than a document needs"
ENTITIES = "it declares XML entities, which no document needs and bombs are made of"
OUT = "the link leads out of the folder"
NOWHERE = "the link leads nowhere"
NO_FILE = "it is no file but a pipe, a socket or a device"
NOT_TEXT = "its content is not text"
TOO_LONG = "reading it takes longer than 3 s"
TOO_MUCH = "reading it takes more than 256 MiB of memory"
ENDED = "it ended the process that reads files: it is damaged, or made to do harm"
NO_NAME = "its name is not valid text; rename it"

GOOD_PDF = hostile.pdf("one", "two")
GOOD_WORD = hostile.word(hostile.paragraph("one") * 200)
GOOD_BOOK = hostile.book({"a.xhtml": "<p>one</p>"})
KINDS = {"docx": "Word document", "pptx": "PowerPoint presentation", "xlsx": "Excel workbook"}
ARCHIVES = {**KINDS, "epub": "EPUB book"}


def called(what: str) -> str:
    return f"{'an' if what[0] in 'AEIOU' else 'a'} {what}"


def office_files() -> dict[str, tuple[bytes, str]]:
    """For each format that is an archive, everything that can be wrong with one."""
    files: dict[str, tuple[bytes, str]] = {}
    for kind, what in ARCHIVES.items():
        no = f"and no {what}, whatever its name says"
        files |= {
            f"png.{kind}": (hostile.PNG, f"it is a PNG picture {no}"),
            f"pdf.{kind}": (GOOD_PDF, f"it is a PDF file {no}"),
            f"old.{kind}": (
                hostile.OLE_MARK + bytes(600),
                f"it is an Office file of the old kind {no}",
            ),
            f"text.{kind}": (
                b"hello",
                f"it is no {what}, whatever its name says, or it is damaged",
            ),
            f"zeros.{kind}": (bytes(600), "it has nothing but zeros in it"),
            f"locked.{kind}": (hostile.locked_office(), LOCKED),
            f"locked-members.{kind}": (hostile.locked_zip(), LOCKED),
            f"cut.{kind}": (GOOD_WORD[: len(GOOD_WORD) // 2], DAMAGED_ZIP),
            f"up.{kind}": (
                hostile.zipped({"../../up.xml": "x"}),
                "its archive has a member whose path leads out of it",
            ),
            f"root.{kind}": (
                hostile.zipped({"/etc/up.xml": "x"}),
                "its archive has a member whose path leads out of it",
            ),
        }
    for kind, what in KINDS.items():
        files[f"laughs.{kind}"] = (hostile.office(kind, hostile.BOMB_DOCTYPE + "<x/>"), ENTITIES)
        wide = (hostile.BOMB_DOCTYPE + "<x>&l11;</x>").encode("utf-16")
        files[f"wide-laughs.{kind}"] = (hostile.office(kind, wide), ENTITIES)
        reason = f"it is damaged: it cannot be read as {called(what)}"
        other = reason if kind == "pptx" else "it has no text"
        files[f"other.{kind}"] = (hostile.office(kind, "<x/>"), other)
        files[f"broken.{kind}"] = (hostile.office(kind, "<x><y></x>"), reason)
    return files


def other_files() -> dict[str, tuple[bytes, str]]:
    bomb, lying = hostile.zip_bomb(), hostile.zip_bomb(declared=False)
    lost = "it is damaged or cut off: its pages cannot be found"
    return {
        "bomb.docx": (bomb, BOMB),
        "bomb.epub": (bomb, BOMB),
        "lying.docx": (lying, DAMAGED_ZIP),
        "many.xlsx": (hostile.many_members(), "its archive has more than 10,000 members"),
        "laughs.epub": (
            hostile.book({"a.xhtml": "x"}, hostile.BOMB_DOCTYPE),
            "it declares XML entities, which no book needs and bombs are made of",
        ),
        "none.epub": (hostile.zipped({"x": "x"}), "it is no EPUB book, whatever its name says"),
        "png.pdf": (hostile.PNG, "it is a PNG picture and no PDF file, whatever its name says"),
        "zip.pdf": (bomb, "it is a ZIP archive and no PDF file, whatever its name says"),
        "gzip.pdf": (
            hostile.gzipped(GOOD_PDF),
            "it is a gzip archive and no PDF file, whatever its name says",
        ),
        "cut.pdf": (GOOD_PDF[:200], lost),
        "nothing.pdf": (b"%PDF-1.7\n", lost),
        "locked.pdf": (hostile.locked_pdf(), LOCKED),
        "pictures.pdf": (hostile.pdf(""), "it has no text: its pages are pictures"),
        "stream.pdf": (
            hostile.deflated_pdf(4_000_000),
            "it has no text: its pages are pictures",
        ),
    }


def text_files() -> dict[str, tuple[bytes, str]]:
    return {
        "endless.eml": (hostile.endless_mail(), TOO_LONG),
        "deep.ipynb": (
            hostile.deep_json(),
            "it is damaged: it is no valid JSON, as a notebook is",
        ),
        "list.ipynb": (b"[]", "it is no notebook, whatever its name says"),
        "binary.ipynb": (b"\0\1", NOT_TEXT),
        "deep.html": (b"<div>" * 50_000, "its elements are nested too deep"),
        "script.html": (b"<script>x()</script>", "it has no text"),
        "nulls.txt": (b"a\0b" * 100, NOT_TEXT),
        "program": (b"\x7fELF" + bytes(100), NOT_TEXT),
        "png.md": (hostile.PNG, NOT_TEXT),
        "nulls.csv": (bytes(999), NOT_TEXT),
        "empty.pdf": (b"", "it is empty"),
        "empty.txt": (b"", "it is empty"),
        "blank.md": (b" \n\t\r\n", "it is empty"),
        "page.eml": (
            b"<html>",
            "it is no mail, whatever its name says: it does not start with a header",
        ),
        "header.eml": (
            b"Subject: " + b"x" * 300_000,
            "its mail header is larger than that of any mail",
        ),
        "page.mbox": (
            b"<html>",
            "it is no mailbox, whatever its name says: it does not start with `From `",
        ),
        "huge.txt": (b"x" * (8 * 1024**2 + 1), "it is larger than 8 MiB"),
        "archive.zip": (b"PK", "archives are not read"),
        "old.doc": (hostile.OLE_MARK, "office documents of this kind are not read"),
        "photo.png": (hostile.PNG, "images are not read"),
        "what.zzz": (b"x", "files of the type .zzz are not read"),
    }


def put_links(folder: Path, outside: Path) -> dict[str, str]:
    """Links, pipes and odd names in the folder; the reason of each."""
    (folder / "leak.txt").symlink_to(outside / "secret.txt")
    (folder / "leak").symlink_to(outside)
    (folder / "relative.txt").symlink_to(Path("..") / outside.name / "secret.txt")
    (folder / "first").symlink_to(folder / "second")
    (folder / "second").symlink_to(outside / "secret.txt")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "ping").symlink_to(folder / "pong")
    (folder / "pong").symlink_to(folder / "ping")
    (folder / "gone.txt").symlink_to(outside / "nothing.txt")
    (folder / "null.txt").symlink_to(os.devnull)
    (folder / "self").symlink_to(folder)
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(folder)  # a socket's whole path may be too long for its address
        listening.bind("socket.txt")
        os.chdir(here)
    shutil.copy(outside / "secret.txt", os.fsdecode(os.fsencode(folder) + b"/\xff.txt"))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt")).write_text("x", encoding="utf-8")
    return {
        **dict.fromkeys(("leak.txt", "leak", "relative.txt", "first", "second", "null.txt"), OUT),
        **dict.fromkeys(("loop", "ping", "pong", "gone.txt"), NOWHERE),
        **dict.fromkeys(("pipe.txt", "socket.txt"), NO_FILE),
        "\\udcff.txt": NO_NAME,
    }


def put(folder: Path, files: Mapping[str, tuple[bytes, str]]) -> dict[str, str]:
    for name, (data, _) in files.items():
        (folder / name).write_bytes(data)
    return {name: reason for name, (_, reason) in files.items()}


def children() -> set[int]:
    """The processes that this one started and that are still there."""
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


@pytest.mark.skipif(sys.platform != "linux", reason="made of what Linux has")
async def test_a_hundred_hostile_files_are_read_to_the_end_each_with_its_reason(
    store: SqliteDocuments, index: ContextIndex, folder: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text(CANARY, encoding="utf-8")
    reasons = put(folder, {**office_files(), **other_files(), **text_files()}) | put_links(
        folder, outside
    )
    greedy = {"endless.pdf": hostile.endless_pdf(), "greedy.ipynb": hostile.greedy_notebook()}
    put(folder, {name: (data, "") for name, data in greedy.items()})
    assert len(reasons) >= 100
    good = {"good.txt": b"fine", "good.pdf": GOOD_PDF, "good.docx": GOOD_WORD, "z.epub": GOOD_BOOK}
    put(folder, {name: (data, "") for name, data in good.items()})
    before = children()
    reader = ParserPool(max_document_bytes=8 * 1024**2, timeout_s=3.0, memory_bytes=256 * 1024**2)
    ingest = Ingest(store, reader=reader, max_document_bytes=8 * 1024**2)
    report = await ingest.add_path(folder)
    found = {Path(path).name: reason for path, reason in (*report.skipped, *report.failed)}
    assert {found.pop(name) for name in greedy} <= {TOO_LONG, TOO_MUCH, ENDED}
    assert found == reasons
    assert report.added == len(good)
    again = await ingest.rescan()
    assert sorted((*again.skipped, *again.failed)) == sorted((*report.skipped, *report.failed))
    assert (again.added, again.updated, again.unchanged) == (0, 0, len(good))
    await reader.aclose()
    assert children() == before
    assert await index.search(CANARY, owner="") == []
    rows, _ = await store.list_documents("", limit=500, offset=0)
    assert all(row.reason for row in rows if row.status is not DocumentStatus.SEARCHABLE)
    assert (outside / "secret.txt").read_text(encoding="utf-8") == CANARY
    assert [path.name for path in outside.iterdir()] == ["secret.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the process with the means of Linux")
async def test_a_folder_that_becomes_a_link_after_it_was_listed_is_not_followed(
    reader: ParserPool, folder: Path, tmp_path: Path
) -> None:

    outside = tmp_path / "outside"
    for each in (outside, folder / "sub"):
        each.mkdir()
        (each / "a.txt").write_text(CANARY if each == outside else "fine", encoding="utf-8")
    files = walk(folder).files
    shutil.rmtree(folder / "sub")
    (folder / "sub").symlink_to(outside)
    [reading] = await reader.read_paths("", files, [""])
    assert "canary" not in repr(reading)
    assert isinstance(reading, Reading)
    reason = "a folder on the way to it is a link now; add the one that it leads to"
    assert (reading.document.status, reading.document.reason) == (DocumentStatus.FAILED, reason)
