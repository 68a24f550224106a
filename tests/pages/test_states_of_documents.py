"""Documents that are being read in elsewhere, their states, and what could not be read."""

import asyncio
import dataclasses
from pathlib import Path

import pytest
from playwright.async_api import expect

from tailrace.agent import ingesting
from tailrace.agent.parts import ingest_engine
from tailrace.agent.request import IngestRequest
from tailrace.context.indexer import Coverage, CoverageState, VectorIndexer
from tailrace.nodes.ingest import IngestNode
from tailrace.state.state import IngestTarget
from tailrace.stores.base import RunRow
from tailrace.stores.registry import vectors_of
from tailrace.testing.model_script import Reply

from .screen import OpenPage, Serve, Served


class HalfWay(VectorIndexer):
    """Vectors that are made up to some passage, and no further."""

    async def coverage(self, owner: str) -> Coverage:
        del owner
        return Coverage(pieces=4, embedded=3, model="small", state=CoverageState.WORKING)

    async def settled(self) -> None:
        await asyncio.Future()


def folder(root: Path) -> Path:
    """Two files that are read, and two that are not."""
    made = root / "notes"
    made.mkdir()
    (made / "tide.md").write_text("# The tide\n\nHigh at noon.", encoding="utf-8")
    (made / "moon.md").write_text("# The moon\n\nFull on Friday.", encoding="utf-8")
    (made / "empty.md").write_text("", encoding="utf-8")
    (made / "engine.dat").write_bytes(b"\0\1\2")
    return made


async def read_in(served: Served, path: Path) -> RunRow:
    """Have it read in, as a terminal does."""
    parts = served.agent.parts
    indexer = HalfWay(vectors_of(parts.store), None)
    engine = ingest_engine(IngestNode(parts.ingest, parts.pages, indexer))
    served.agent.parts = dataclasses.replace(parts, indexer=indexer, ingest_engine=engine)
    request = IngestRequest(target=IngestTarget(path=str(path)))
    return await ingesting.start(served.agent, request)


@pytest.mark.parametrize(("locale", "size"), [("en-GB", (1280, 720)), ("zh-CN", (390, 780))])
async def test_what_a_terminal_has_read_in_is_followed_stopped_and_shown_by_state(
    serve: Serve, open_page: OpenPage, tmp_path: Path, locale: str, size: tuple[int, int]
) -> None:
    async with serve(Reply()) as served:
        await read_in(served, folder(tmp_path))
        screen = await open_page(served.url, "#/documents", locale=locale, size=size)
        page, english = screen.page, locale == "en-GB"
        card, rows = page.locator(".ingestion"), page.locator(".documents li")
        passages = "3 of 4 passages" if english else "3 / 4 个段落"
        await expect(card.locator(".facts").first).to_contain_text(passages)
        covered = "3 of 4 passages can be found" if english else "4 个段落中有 3 个"
        await expect(page.locator(".coverage")).to_contain_text(covered)
        await expect(rows).to_have_count(6)
        await card.locator("summary").click()
        await expect(card.locator("details li")).to_have_count(2)
        await expect(card.locator("details")).to_contain_text("engine.dat")
        await screen.look("embedding")
        await screen.button("Stop" if english else "停止").click()
        await expect(card).to_contain_text("Stopped." if english else "已停止。")
        await expect(screen.button("Stop" if english else "停止")).to_be_hidden()
        await page.get_by_role("radio", name="Left out" if english else "已跳过").check()
        await expect(rows).to_have_count(2)
        await expect(rows.locator(".reason").last).to_contain_text("empty")
        await screen.look("left-out")
