"""Documents that are being read in elsewhere, their states, and what could not be read."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tailrace.agent import ingesting
from tailrace.agent.request import IngestRequest
from tailrace.state.state import IngestTarget
from tailrace.testing.model_script import Reply

from .screen import OpenPage, Serve
from .site import site


def folder(root: Path) -> Path:
    """Two files that are read, and two that are not."""
    made = root / "notes"
    made.mkdir()
    (made / "tide.md").write_text("# The tide\n\nHigh at noon.", encoding="utf-8")
    (made / "moon.md").write_text("# The moon\n\nFull on Friday.", encoding="utf-8")
    (made / "empty.md").write_text("", encoding="utf-8")
    (made / "engine.dat").write_bytes(b"\0\1\2")
    return made


@pytest.mark.parametrize(
    ("locale", "size", "stop"),
    [("en-GB", (1280, 720), "Stop"), ("zh-CN", (390, 780), "停止")],
)
async def test_what_a_terminal_has_read_in_is_followed_stopped_and_shown_by_state(
    serve: Serve,
    open_page: OpenPage,
    tmp_path: Path,
    locale: str,
    size: tuple[int, int],
    stop: str,
) -> None:
    english = locale == "en-GB"
    async with (
        site() as model,
        serve(Reply(), embeddings_url=model.url, embeddings_model="small") as served,
    ):
        request = IngestRequest(target=IngestTarget(path=str(folder(tmp_path))))
        await ingesting.start(served.agent, request)
        screen = await open_page(served.url, "#/documents", locale=locale, size=size)
        page = screen.page
        card, rows = page.locator(".ingestion"), page.locator(".documents li")
        passages = "0 of 4 passages" if english else "0 / 4 个段落"
        await expect(card.locator(".facts").first).to_contain_text(passages)
        covered = "0 of 4 passages can be found" if english else "4 个段落中有 0 个"
        await expect(page.locator(".coverage")).to_contain_text(covered)
        await expect(rows).to_have_count(6)
        await card.locator("summary").click()
        await expect(card.locator("details li")).to_have_count(2)
        await expect(card.locator("details")).to_contain_text("engine.dat")
        await screen.look("embedding")
        if english:
            model.let.set()
            await expect(card).to_contain_text("Done")
            await expect(page.locator(".coverage")).to_contain_text("All 4 passages")
        else:
            await screen.button(stop).click()
            await expect(card).to_contain_text("已停止。")
        await expect(screen.button(stop)).to_be_hidden()
        await page.get_by_role("radio", name="Left out" if english else "已跳过").check()
        await expect(rows).to_have_count(2)
        await expect(rows.locator(".reason").last).to_contain_text("empty")
        await screen.look("left-out")
