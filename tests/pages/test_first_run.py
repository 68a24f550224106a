"""A home without a model: said as it is, set up with consent, usable meanwhile."""

import hashlib
import random
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

import msgspec
from playwright.async_api import expect

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ContextAgent
from tailrace.agent.home import Home
from tailrace.agent.parts import open_parts
from tailrace.llm.catalogue import CatalogueEntry, Hub
from tailrace.llm.library import ModelLibrary
from tailrace.llm.registry import open_llm
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.file_server import FileServer, Served

from .screen import OpenPage

MODEL = random.Random(3).randbytes(3_000_000)
PATH = "/o/r/resolve/main/m.gguf"
ENTRY = CatalogueEntry(
    name="m",
    title="A model of ours",
    size_bytes=len(MODEL),
    sha256=hashlib.sha256(MODEL).hexdigest(),
    licence="MIT",
    homepage="https://models.example/m",
    context_tokens=512,
    hub=Hub(repository="o/r", file="m.gguf"),
)


class New(NamedTuple):
    """A server whose home is new, and the hub its model would come from."""

    agent: ContextAgent
    hub: FileServer
    url: str


@asynccontextmanager
async def new_home(folder: Path) -> AsyncGenerator[New]:
    settings = msgspec.structs.replace(Settings(home=folder / "home", port=0), llm_model="m")
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(FileServer())
        home = Home.lock(settings.home)
        stack.callback(home.unlock)
        parts = await stack.enter_async_context(open_parts(settings, SYSTEM_CLOCK))
        library = ModelLibrary(folder / "models", catalogue={"m": ENTRY}, hub_url=hub.url)
        llm = open_llm(settings, library)
        stack.push_async_callback(llm.aclose)
        agent = ContextAgent(replace(parts, library=library, llm=llm), home, SYSTEM_CLOCK)
        await agent.catch_up()
        url = await stack.enter_async_context(running(agent))
        yield New(agent, hub, url)


async def test_a_model_is_fetched_with_consent_and_answers_are_passages_until_then(
    tmp_path: Path, open_page: OpenPage
) -> None:
    async with new_home(tmp_path) as new:
        new.hub.files[PATH] = Served(MODEL, stall_at=2_000_000)
        screen = await open_page(new.url)
        card = screen.page.get_by_role("region", name="Have answers written")
        for fact in ["A model of ours", "3 MB", "MIT", "127.0.0.1", ENTRY.sha256]:
            await expect(card).to_contain_text(fact)
        assert new.hub.requests == []
        await screen.look("no-model")
        await card.get_by_role("button", name=re.compile("Fetch it")).click()
        card = screen.page.get_by_role("region", name="Fetching the model")
        await expect(card).to_contain_text(re.compile(r"[12](\.\d)? MB of 3 MB · [3-6]\d%"))
        bar = card.get_by_role("progressbar")
        assert 0.3 < float(await bar.get_attribute("value") or 0) < 0.7
        await screen.look("fetching")
        await screen.button(re.compile("When does the night ferry leave")).click()
        await screen.ended()
        assert (await screen.written()).startswith("No language model is set up yet, so here are")
        await expect(screen.prose).to_contain_text("Saltwind")
        await screen.look("passages")
        await screen.go("#/settings")
        await screen.button("Cancel").click()
        new.hub.files[PATH] = Served(MODEL)
        await screen.button(re.compile("Try again")).click()
        await expect(screen.page.locator(".view:visible")).to_contain_text(
            "A model of ours answers"
        )
        await expect(screen.page.locator(".rail .model")).to_have_text("A model of ours")
        first, second = new.hub.asked(PATH)
        assert first == ""
        assert re.fullmatch(r"bytes=[12]\d{6}-", second)


async def test_a_model_that_cannot_be_fetched_says_why_and_can_be_tried_again(
    tmp_path: Path, open_page: OpenPage
) -> None:
    async with new_home(tmp_path) as new:
        new.hub.files[PATH] = Served(MODEL, status=HTTPStatus.FORBIDDEN)
        screen = await open_page(new.url)
        await screen.button(re.compile("Fetch it")).first.click()
        alert = screen.page.get_by_role("alert").locator("visible=true")
        await expect(alert).to_contain_text("403")
        await screen.look("not-fetched")
        new.hub.files[PATH] = Served(MODEL)
        await screen.button(re.compile("Try again")).first.click()
        await expect(screen.page.locator(".rail .model")).to_have_text("A model of ours")
