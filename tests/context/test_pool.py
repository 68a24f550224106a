"""Files are read in processes that may be killed: one that is bad fails by itself."""

import asyncio
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tailrace.context.pool import ParserPool
from tailrace.context.read import Reading, SameBytes, read_path
from tailrace.context.walk import FoundFile, walk
from tailrace.stores.documents import DocumentOrigin, DocumentStatus
from tailrace.testing import hostile_files as hostile

ENDED = "it ended the process that reads files: it is damaged, or made to do harm"
on_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="looks at processes as Linux has them"
)


def children() -> set[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


def cpu_s(pid: int) -> float:
    """How long the process has worked; 0 where it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return int(fields[11]) / os.sysconf("SC_CLK_TCK")


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(child) for child in listed.split()]


def put(folder: Path, files: dict[str, bytes]) -> list[FoundFile]:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return walk(folder.resolve()).files


def outcomes(readings: Sequence[Reading | SameBytes]) -> list[str]:
    return [
        "same" if isinstance(each, SameBytes) else each.document.reason or each.document.text
        for each in readings
    ]


async def test_what_comes_out_of_a_process_is_what_reading_here_gives(
    reader: ParserPool, folder: Path
) -> None:
    long = "# Ärger ☂\n\n" + "Some words 𝄞 in a sentence. " * 2_000
    names = {"a.md": long, "b.html": "<h1>Top</h1>page", "c.png": "x", "d.txt": "", "f.txt": "same"}
    files = put(folder, {name: text.encode() for name, text in names.items()})
    files.append(FoundFile((folder / "gone.pdf").as_posix(), 9, 9))
    known = [""] * len(files)
    [same] = [each for each in files if each.source.endswith("f.txt")]
    first = read_path("", same, "", 100_000)
    assert isinstance(first, Reading)
    known[files.index(same)] = first.document.sha256
    expected = [
        read_path("ada", file, sha256, 100_000) for file, sha256 in zip(files, known, strict=True)
    ]
    assert await reader.read_paths("ada", files, known) == expected


async def test_bytes_that_are_handed_in_are_read_in_a_process_too(reader: ParserPool) -> None:
    data = hostile.pdf("one", "two")
    file = FoundFile("a.pdf", len(data), 0)
    reading = await reader.read_bytes("ada", file, data, DocumentOrigin.UPLOAD)
    assert (reading.document.text, reading.document.origin) == ("one\n\ntwo", DocumentOrigin.UPLOAD)
    assert [chunk.page for chunk in reading.chunks] == [1]
    reading = await reader.read_bytes("", file, b"%PDF-1.7", DocumentOrigin.UPLOAD)
    assert reading.document.status is DocumentStatus.FAILED


@on_linux
async def test_a_file_that_ends_the_process_fails_by_itself(folder: Path) -> None:
    reader = ParserPool(max_document_bytes=10_000_000)
    before = children()
    files = put(folder, {"a.html": b"fine", "b.eml": hostile.endless_mail(), "c.html": b"too"})
    assert outcomes(await reader.read_paths("", files[:1], [""])) == ["fine"]
    [first] = children() - before
    usual = cpu_s(first) + 0.3
    async with asyncio.timeout(50):
        reading = asyncio.create_task(reader.read_paths("", files, [""] * 3))
        while not reading.done():  # in the process that had read others, then in a new one
            for pid in children() - before:
                if cpu_s(pid) > usual:
                    os.kill(pid, signal.SIGKILL)
            await asyncio.wait([reading], timeout=0.05)
        assert outcomes(await reading) == ["fine", ENDED, "too"]
    [failed] = [each for each in await reading if isinstance(each, Reading) and not each.chunks]
    assert failed.document.sha256
    await reader.aclose()
    assert children() == before


@on_linux
async def test_a_read_that_is_given_up_leaves_no_process(folder: Path) -> None:
    reader = ParserPool(max_document_bytes=10_000_000)
    before = children()
    files = put(folder, {"a.html": b"fine", "b.eml": hostile.endless_mail()})
    assert outcomes(await reader.read_paths("", files[:1], [""])) == ["fine"]
    [pid] = children() - before
    usual = cpu_s(pid) + 0.2
    reading = asyncio.create_task(reader.read_paths("", files[1:], [""]))
    async with asyncio.timeout(30):
        while cpu_s(pid) < usual:
            await asyncio.wait([reading], timeout=0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert children() == before
    await reader.aclose()


@on_linux
async def test_a_process_that_died_of_something_else_is_replaced(folder: Path) -> None:
    reader = ParserPool(max_document_bytes=100_000)
    before = children()
    files = put(folder, {"a.html": b"fine"})
    assert outcomes(await reader.read_paths("", files, [""])) == ["fine"]
    [pid] = children() - before
    os.kill(pid, signal.SIGKILL)
    assert outcomes(await reader.read_paths("", files, [""])) == ["fine"]
    await reader.aclose()
    reason = "the process that reads files cannot start; see the log"
    [reading] = await reader.read_paths("", files, [""])
    assert outcomes([reading]) == [reason]
    assert isinstance(reading, Reading)
    assert reading.document.sha256 == ""  # tried again at the next scan


async def test_no_process_is_started_for_what_is_plain_and_small(
    reader: ParserPool, folder: Path
) -> None:
    before = children()
    files = put(folder, {f"{number}.md": b"# Plain" for number in range(9)})
    assert outcomes(await reader.read_paths("", files, [""] * 9)) == ["# Plain"] * 9
    assert children() == before


PARENT = """
import asyncio, sys
from tailrace.context.pool import ParserPool
from tailrace.context.walk import FoundFile

async def main():
    reader = ParserPool(max_document_bytes=10_000_000)
    await reader.read_paths("", [FoundFile(sys.argv[1], 9, 9)], [""])
    print("started", flush=True)
    await reader.read_paths("", [FoundFile(sys.argv[2], 9, 9)], [""])

asyncio.run(main())
"""


@on_linux
async def test_the_process_dies_with_its_parent_however_that_died(folder: Path) -> None:
    put(folder, {"a.html": b"fine", "b.eml": hostile.endless_mail()})
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", PARENT, os.fspath(folder / "a.html"), os.fspath(folder / "b.eml")),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    async with asyncio.timeout(50):
        assert await parent.stdout.readline() == b"started\n"
        child = os.pidfd_open(*children_of(parent.pid))
        parent.kill()
        await parent.wait()
        readable, _, _ = await asyncio.to_thread(select.select, [child], [], [], 30)
    os.close(child)
    assert readable == [child]
