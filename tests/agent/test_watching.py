"""What is saved in an added folder can be found a moment later, while a server runs."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tailrace.agent import ContextAgent
from tailrace.context.report import IngestReport
from tailrace.settings import Settings
from tailrace.stores.documents import DocumentRow


class Seen:
    """What came of the looks so far; whoever waits is told of each."""

    def __init__(self) -> None:
        self.reports: list[IngestReport] = []
        self.bell = asyncio.Event()

    def take(self, report: IngestReport) -> None:
        self.reports.append(report)
        self.bell.set()

    async def until(self, is_so: Callable[[IngestReport], bool]) -> None:
        """Return once there was a look of which that is so."""
        async with asyncio.timeout(30):
            while not any(is_so(report) for report in self.reports):
                self.bell.clear()
                await self.bell.wait()
        self.reports.clear()


@asynccontextmanager
async def watching(home: Path, **chosen: object) -> AsyncGenerator[tuple[ContextAgent, Seen]]:
    settings = msgspec.structs.replace(Settings(home=home, synchronous="NORMAL"), **chosen)
    async with ContextAgent.open(settings) as agent:
        seen = Seen()
        agent.watching.on_report = seen.take
        yield agent, seen


async def rows(agent: ContextAgent) -> dict[str, DocumentRow]:
    found, _ = await agent.parts.documents.list_documents("", limit=99, offset=0)
    return {Path(row.source).name: row for row in found}


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.md").write_text("# Alpha\n\nThe first text of it.")
    (folder / "b.md").write_text("# Beta\n\nAnother.")
    return folder


async def test_what_is_saved_moved_and_removed_is_followed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    async with watching(tmp_path / "home") as (agent, seen):
        await agent.parts.ingest.add_path(folder)
        before = await rows(agent)
        agent.watching.start()
        await seen.until(lambda report: report.unchanged == 2)
        (folder / "a.md").write_text("# Alpha\n\nThe second text of it.")
        await seen.until(lambda report: report.updated == 1)
        (folder / "deep").mkdir()
        (folder / "b.md").rename(folder / "deep" / "c.md")
        await seen.until(lambda report: report.unchanged == 1)
        moved = (await rows(agent))["c.md"]
        (folder / "a.md").unlink()
        await seen.until(lambda report: report.removed == 1)
        assert (moved.id, moved.revision) == (before["b.md"].id, 1)
        assert [*await rows(agent)] == ["c.md"]
        assert agent.watching.state == "1 watched, looked at every 600 s"


async def test_a_folder_that_is_added_is_watched_and_one_that_is_forgotten_is_not(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path)
    async with watching(tmp_path / "home") as (agent, seen):
        agent.watching.start()
        await agent.parts.ingest.add_path(folder)
        await seen.until(lambda report: report.unchanged == 2)
        (folder / "c.md").write_text("# Gamma\n\nText.")
        await seen.until(lambda report: report.added == 1)
        await agent.parts.ingest.forget_path(folder)
        assert await rows(agent) == {}
        await agent.watching.aclose()
        assert agent.watching.state == "not watched while no server runs"


async def test_a_single_file_is_followed_though_it_is_replaced(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    async with watching(tmp_path / "home") as (agent, seen):
        await agent.parts.ingest.add_path(folder / "a.md")
        agent.watching.start()
        await seen.until(lambda report: report.unchanged == 1)
        (folder / ".a.md.new").write_text("# Alpha\n\nThe second text of it.")
        (folder / ".a.md.new").rename(folder / "a.md")
        await seen.until(lambda report: report.updated == 1)
        assert [*await rows(agent)] == ["a.md"]


async def test_what_the_system_does_not_tell_is_found_by_a_look_at_everything(
    tmp_path: Path,
) -> None:
    folder = folder_of(tmp_path)
    async with watching(tmp_path / "home", watch_folders=False, rescan_s=0.05) as (agent, seen):
        await agent.parts.ingest.add_path(folder)
        agent.watching.start()
        (folder / "c.md").write_text("# Gamma\n\nText.")
        await seen.until(lambda report: report.added == 1)
        shutil.rmtree(folder)
        await seen.until(lambda report: bool(report.failed))
        assert len(await rows(agent)) == 3


async def test_a_home_within_a_watched_folder_is_not_read_and_wakes_nobody(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    async with watching(folder / "home") as (agent, seen):
        await agent.parts.ingest.add_path(folder)
        agent.watching.start()
        await seen.until(lambda report: report.unchanged == 2)
        assert {*await rows(agent)} == {"a.md", "b.md"}
        await agent.parts.ingest.add_text("upload.md", "text")  # which writes into the home
        (folder / "c.md").write_text("# Gamma\n\nText.")
        await seen.until(lambda report: report.added == 1)
        assert seen.reports == []
