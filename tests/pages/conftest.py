"""Fixtures: the page in a real Chromium, over a real server whose model does what a script says.

Rule 1: one browser for all tests, one context a test.
Rule 2: whatever a test is about, its page runs no script but its own, asks no other host for
    anything, breaks no policy and throws no error.
"""

import os
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from playwright.async_api import Browser, Route, async_playwright, expect

from setup_frontend import find_chromium
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import PLAN, scripted_agent
from tailrace.testing.model_script import Script
from tailrace.workflow.engine import WorkflowEngine

from .screen import OpenPage, Screen, Serve, Served

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_ELSEWHERE = re.compile(r"^https?://(?!127\.0\.0\.1[:/])")
_WATCH = """
addEventListener('securitypolicyviolation', (event) =>
  reportHarm(`policy: ${event.violatedDirective} ${event.blockedURI}`))
globalThis.hit = () => reportHarm('a script of a text ran')
"""

expect.set_options(timeout=15_000)


@pytest.fixture(scope="session")
async def chromium() -> AsyncGenerator[Browser]:
    """The browser."""
    path = find_chromium()
    assert path is not None, "there is no Chromium: run `make dev`, or set CHROMIUM to one"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
def shots(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Where pictures go: `SCREENSHOTS`, or the test's own folder."""
    name = re.sub(r"\W+", "-", request.node.name)
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
async def open_page(chromium: Browser, shots: Path) -> AsyncGenerator[OpenPage]:
    """Opens pages, and looks at the end what they did that they must not."""
    async with AsyncExitStack() as stack:
        screens: list[Screen] = []

        async def opened(
            url: str,
            place: str = "#/",
            *,
            locale: str = "en-GB",
            size: tuple[int, int] = (1280, 720),
            permissions: Sequence[str] = (),
            has_touch: bool = False,
            reduced_motion: Literal["reduce"] | None = None,
            forced_colors: Literal["active"] | None = None,
        ) -> Screen:
            context = await chromium.new_context(
                locale=locale,
                viewport={"width": size[0], "height": size[1]},
                permissions=permissions,
                has_touch=has_touch,
                reduced_motion=reduced_motion,
                forced_colors=forced_colors,
            )
            stack.push_async_callback(context.close)
            page = await context.new_page()
            screen = Screen(page, url + "/", shots)
            screens.append(screen)

            async def stop(route: Route) -> None:
                await route.abort()

            await context.route(_ELSEWHERE, stop)
            await context.expose_function(  # pyright: ignore[reportUnknownMemberType] - any callable
                "reportHarm", screen.report
            )
            await context.add_init_script(_WATCH)
            await screen.go(place)
            return screen

        yield opened
    assert [screen.harm for screen in screens] == [[] for _ in screens]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Makes a server: `serve(script, documents, engine, **settings)`."""

    @asynccontextmanager
    async def make(
        script: Script,
        documents: Mapping[str, str] = PLAN,
        engine: WorkflowEngine | None = None,
        **overrides: Any,  # noqa: ANN401 - whatever a setting is
    ) -> AsyncGenerator[Served]:
        settings = msgspec.structs.replace(Settings(port=0, model_retries=0), **overrides)
        home = tmp_path / "home"
        async with (
            scripted_agent(home, script, documents=documents, settings=settings, engine=engine) as (
                agent,
                model,
            ),
            running(agent) as url,
        ):
            yield Served(agent, model, url)

    return make
