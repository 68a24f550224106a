"""Screen: the page in a browser, as a person has it before them, and what it must never do."""

import hashlib
import os
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import httpx2
from playwright.async_api import Locator, Page, Request, ViewportSize, expect

from tailrace.agent import ContextAgent
from tailrace.events.event import StreamEvent
from tailrace.stores.base import RunRow
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import SSEDecoder

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
"""What looks for barriers in a page."""

_NARROW: Final[ViewportSize] = {"width": 320, "height": 256}
"""A screen of 1280 by 1024 at 400 %."""

_TALL: Final = 2_400


class Served(NamedTuple):
    """A server that runs, its model, and where it is."""

    agent: ContextAgent
    model: ScriptedModelServer
    url: str


Serve = Callable[..., AbstractAsyncContextManager[Served]]


class OpenPage(Protocol):
    """Opens a page in a browser of its own, so to speak: nothing is remembered from another."""

    async def __call__(
        self,
        url: str,
        place: str = "#/",
        *,
        locale: str = "en-GB",
        size: tuple[int, int] = (1280, 720),
        permissions: Sequence[str] = (),
        has_touch: bool = False,
        reduced_motion: Literal["reduce"] | None = None,
        forced_colors: Literal["active"] | None = None,
    ) -> "Screen":
        """The page of the server at `url`, at `place`."""
        ...


class Screen:
    """A page, and its counters.

    Attributes:
        page: Playwright's own.
        harm: What ran or was asked for that must not: scripts, other hosts, broken policy, errors.
    """

    def __init__(self, page: Page, url: str, shots: Path) -> None:
        self.page = page
        self.url = url
        self.harm: list[str] = []
        self._shots = shots
        self._host = urlsplit(url).netloc
        page.on("request", self._requested)
        page.on("pageerror", lambda error: self.harm.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.harm.append(f"dialog: {dialog.message}"))

    def report(self, harm: str) -> None:
        """Note what the page has seen itself."""
        self.harm.append(harm)

    def _requested(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and parts.netloc != self._host:
            self.harm.append(f"request: {request.url}")

    @property
    def question(self) -> Locator:
        """Where questions are written."""
        return self.page.locator("#question")

    @property
    def act(self) -> Locator:
        """The button that sends, and that stops."""
        return self.page.locator(".composer .act")

    @property
    def turn(self) -> Locator:
        """The newest question and its answer."""
        return self.page.locator(".turn").last

    @property
    def answer(self) -> Locator:
        """The newest answer."""
        return self.turn.locator(".answer").last

    @property
    def prose(self) -> Locator:
        """The text of the newest answer."""
        return self.answer.locator(".prose")

    @property
    def notice(self) -> Locator:
        """What is said about how the newest answer ended."""
        return self.answer.locator(".notice")

    def button(self, name: str | re.Pattern[str]) -> Locator:
        """The button of that name."""
        return self.page.get_by_role("button", name=name)

    async def ask(self, text: str) -> None:
        """Write a question and send it with Enter."""
        await self.question.fill(text)
        await self.question.press("Enter")

    async def ended(self) -> None:
        """Wait until the newest answer has ended."""
        await expect(self.answer.locator(".course.folded")).to_be_visible()
        await expect(self.act).not_to_have_class(re.compile("stop"))

    async def go(self, place: str) -> None:
        """Open the view at `place`, such as `#/documents`."""
        await self.page.goto(self.url + place)

    async def written(self) -> str:
        """The newest answer's text, on one line."""
        return one_line(await self.prose.inner_text())

    async def look(self, name: str) -> None:
        """Find no barrier in light or dark, nothing wider than a narrow screen; keep a picture."""
        page = self.page
        if not await page.evaluate("'axe' in globalThis"):
            await page.evaluate(AXE.read_text(encoding="utf-8"))
        size = page.viewport_size
        assert size is not None
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.evaluate(_SETTLED)
            await self.keep(f"{name}-{scheme}")
            # so tall that nothing lies half behind the composer: it would count as too small
            await page.set_viewport_size({"width": size["width"], "height": _TALL})
            found = await page.evaluate(_BARRIERS, scheme)
            await page.set_viewport_size(size)
            assert found == [], f"{name}, {scheme}: {found}"
        await page.set_viewport_size(_NARROW)
        wide = await page.evaluate(_TOO_WIDE)
        await self.keep(f"{name}-narrow")
        await page.set_viewport_size(size)
        assert wide == [], f"{name}: wider than 320 px: {wide}"

    async def keep(self, name: str) -> None:
        """Keep a picture of the page, as it is, where pictures are wanted."""
        if "SCREENSHOTS" in os.environ:
            await self.page.screenshot(path=self._shots / f"{name}.png")


_SETTLED = """() => // colours on their way from one theme to the other have no contrast yet
  Promise.all(document.getAnimations().filter((each) => each instanceof CSSTransition)
    .map((each) => each.finished.catch(() => {}))).then(() => null)"""

_BARRIERS = """async (scheme) => {
  const all = { rules: { 'target-size': { enabled: true } } }
  const colours = { runOnly: ['color-contrast'] } // in the dark, nothing else differs
  const wanted = scheme === 'dark' ? colours : all
  const { violations } = await axe.run(document, { resultTypes: ['violations'], ...wanted })
  return violations.map(({ id, nodes }) =>
    `${id}: ${nodes.map((node) => node.html.slice(0, 160) + ' ' + node.failureSummary).join('; ')}`)
}"""

_TOO_WIDE = """async () => {
  await new Promise(requestAnimationFrame) // the page hears of its width before it is drawn
  const parts = '.view, .topbar, .rail, .passage, .passage .text, .box, .card, .composer'
  return [document.documentElement, ...document.querySelectorAll(parts)]
    .filter((each) => each.scrollWidth > each.clientWidth)
    .map((each) => `${each.className}: ${each.scrollWidth}`)
}"""


def one_line(text: str) -> str:
    """`text` with every white space as one space."""
    return " ".join(text.split())


def sha256(text: str) -> str:
    """The hash of the text's UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


async def events_of(served: Served, run_id: str) -> list[StreamEvent]:
    """The events of a run that has ended."""
    async with httpx2.AsyncClient(base_url=served.url, trust_env=False) as client:
        answer = await client.get(f"/api/agent/runs/{run_id}/events")
    return [StreamEvent.from_json_bytes(f.data.encode()) for f in SSEDecoder().feed(answer.content)]


async def newest_run(served: Served) -> RunRow:
    """The run that was started last."""
    return (await served.agent.parts.store.list_runs("", 1, None))[0]
