"""The page of examples/react-chat: bundled, served, and open in a real Chromium.

Rule 1: it is bundled from the sources as they stand; nothing has to be built before.
Rule 2: the page is left alone: commits are counted where React tells its developer tools of them.
"""

import subprocess
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, async_playwright

from setup_frontend import FRONTEND, ROOT, environment, find_chromium

EXAMPLE: Final = ROOT / "examples" / "react-chat"
_ALIASES: Final = {
    "@tailrace/core": "packages/core/src/index.ts",
    "@tailrace/core/markdown": "packages/core/src/markdown/index.ts",
    "@tailrace/react": "packages/react/src/index.ts",
}
_COUNTING: Final = """
let frame = 0
const commits = []
const next = () => { frame += 1; requestAnimationFrame(next) }
requestAnimationFrame(next)
window.commitsByFrame = () => commits.splice(0)
window.__REACT_DEVTOOLS_GLOBAL_HOOK__ = {
  supportsFiber: true,
  inject: () => 1,
  onCommitFiberRoot: () => { commits.push(frame) },
  onCommitFiberUnmount: () => {},
  onPostCommitFiberRoot: () => {},
}
"""


def bundle(folder: Path, entry: Path = EXAMPLE / "main.tsx") -> None:
    """Make the example's page in `folder`, or one like it with another script."""
    command = [
        str(FRONTEND / "node_modules" / ".bin" / "esbuild"),
        str(entry),
        "--bundle",
        "--jsx=automatic",
        "--log-level=error",
        f"--outfile={folder / 'main.js'}",
        *(f"--alias:{name}={FRONTEND / path}" for name, path in _ALIASES.items()),
    ]
    modules = {"NODE_PATH": str(FRONTEND / "node_modules")}
    subprocess.run(command, check=True, timeout=60, env=environment() | modules)
    (folder / "index.html").write_bytes((EXAMPLE / "index.html").read_bytes())


class _Quiet(SimpleHTTPRequestHandler):
    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing of what goes well."""


@contextmanager
def served(folder: Path) -> Generator[str]:
    """The origin at which `folder` is served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder)) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{site.server_port}"
        finally:
            site.shutdown()
            thread.join()


class ChatPage:
    """The example, open in a browser."""

    def __init__(self, page: Page, wrong: list[str]) -> None:
        self.page = page
        self.wrong = wrong

    async def ask(self, question: str) -> None:
        """Type a question and send it."""
        await self.page.get_by_label("Question").fill(question)
        await self.page.get_by_role("button", name="Ask").click()

    async def press(self, name: str) -> None:
        """Press the button of that name."""
        await self.page.get_by_role("button", name=name).click()

    async def shows(self, status: str) -> None:
        """Wait until the newest answer has this status."""
        await self.page.locator(f"article:last-of-type[data-status={status}]").wait_for()

    async def has_text(self, least: int) -> None:
        """Wait until the newest answer has so many characters."""
        newest = "document.querySelector('article.assistant:last-of-type')?.textContent.length"
        await self.page.wait_for_function(f"{newest} >= {least}")

    async def answer(self) -> str:
        """The text of the newest answer, as it can be read on the page."""
        return await self.page.locator("article.assistant").last.inner_text()

    async def roles(self) -> list[tuple[str, str]]:
        """Who said what came of it, message by message."""
        articles = await self.page.locator("article").all()
        return [
            (await one.get_attribute("class") or "", await one.get_attribute("data-status") or "")
            for one in articles
        ]

    async def alert(self) -> str:
        """What the page says went wrong."""
        return await self.page.get_by_role("alert").inner_text()

    async def commits_by_frame(self) -> list[int]:
        """In which frames React changed the page, since this was last asked."""
        frames: list[int] = await self.page.evaluate("commitsByFrame()")
        return frames


@asynccontextmanager
async def opened(origin: str, server: str) -> AsyncGenerator[ChatPage]:
    """The page, talking to `server`; at the end it must have thrown and logged nothing."""
    chromium = find_chromium()
    assert chromium is not None, "there is no Chromium; `make dev` sets one up"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        page.set_default_timeout(20_000)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if _is_ours(said) else None)
        await page.add_init_script(_COUNTING)
        await page.goto(f"{origin}/?server={server}")
        yield ChatPage(page, wrong)
        await browser.close()
        assert wrong == []


def _is_ours(said: Any) -> bool:  # noqa: ANN401 - Playwright's own, untyped here
    """Whether a page said it; a browser reports each lost line by itself."""
    return said.type in {"error", "warning"} and "net::ERR" not in said.text
