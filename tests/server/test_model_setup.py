"""The model's set-up over HTTP: offered, fetched with consent, watched, stopped."""

import asyncio
import hashlib
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ContextAgent
from tailrace.agent.home import Home
from tailrace.agent.parts import open_parts
from tailrace.llm.catalogue import TINY, CatalogueEntry, Hub
from tailrace.llm.library import ModelLibrary
from tailrace.llm.machine import runtime_is_installed
from tailrace.llm.registry import open_library, open_llm
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.file_server import FileServer, Served
from tailrace.wire.sse import SSEDecoder

MODEL = random.Random(2).randbytes(3_000_000)
PATH = "/o/r/resolve/main/m.gguf"
ENTRY = CatalogueEntry(
    name="m",
    title="A model",
    size_bytes=len(MODEL),
    sha256=hashlib.sha256(MODEL).hexdigest(),
    licence="MIT",
    homepage="https://models.example/m",
    context_tokens=512,
    hub=Hub(repository="o/r", file="m.gguf"),
)
OTHER = msgspec.structs.replace(ENTRY, name="other", sha256="0" * 64, smoke_test_only=True)
URL = "/api/settings/models"

Snapshot = dict[str, Any]
Wanted = Callable[[Snapshot], bool]


@dataclass(frozen=True)
class SettingUp:
    """A server whose home has no model yet, the hub it would fetch one from, and a client."""

    agent: ContextAgent
    hub: FileServer
    cache: Path
    client: httpx2.AsyncClient

    async def get(self) -> Snapshot:
        return (await self.client.get(URL)).json()

    async def pull(self, name: str = "m", **headers: str) -> httpx2.Response:
        return await self.client.post(f"{URL}/{name}/pull", headers=headers)

    async def cancel(self, **headers: str) -> int:
        return (await self.client.delete(f"{URL}/pull", headers=headers)).status_code

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[AsyncGenerator[Snapshot, None], None]:
        """The snapshots of one watch, to the end of its response."""
        async with self.client.stream("GET", f"{URL}/events") as response:
            assert response.status_code == 200
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"

            async def snapshots() -> AsyncGenerator[Snapshot, None]:
                decoder = SSEDecoder()
                async for piece in response.aiter_raw():
                    for event in decoder.feed(piece):
                        yield msgspec.json.decode(event.data)

            yield snapshots()

    async def until(self, wanted: Wanted) -> list[Snapshot]:
        """What a watch shows, up to the first snapshot that is wanted."""
        seen: list[Snapshot] = []
        async with asyncio.timeout(30), self.watching() as snapshots:
            async for snapshot in snapshots:
                seen.append(snapshot)
                if wanted(snapshot):
                    return seen
        pytest.fail(f"the watch ended with {seen[-1:]}")

    def files(self) -> set[str]:
        """What lies in the models' folder, but for locks."""
        return {file.name for file in self.cache.glob("*") if file.suffix != ".lock"}


def library(hub: FileServer, cache: Path, *entries: CatalogueEntry) -> ModelLibrary:
    catalogue = {entry.name: entry for entry in entries or (ENTRY, OTHER)}
    return ModelLibrary(cache, catalogue=catalogue, hub_url=hub.url)


@asynccontextmanager
async def setting_up(
    folder: Path,
    *entries: CatalogueEntry,
    **overrides: Any,  # noqa: ANN401 - whatever a setting is
) -> AsyncGenerator[SettingUp, None]:
    settings = msgspec.structs.replace(Settings(home=folder / "home", port=0), **overrides)
    cache = folder / "models"
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(FileServer())
        home = Home.lock(settings.home)
        stack.callback(home.unlock)
        parts = await stack.enter_async_context(open_parts(settings, SYSTEM_CLOCK))
        models = library(hub, cache, *entries)
        llm = open_llm(settings, models)
        stack.push_async_callback(llm.aclose)
        agent = ContextAgent(replace(parts, library=models, llm=llm), home, SYSTEM_CLOCK)
        url = await stack.enter_async_context(running(agent))
        client = httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30)
        await stack.enter_async_context(client)
        yield SettingUp(agent, hub, cache, client)


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncGenerator[SettingUp, None]:
    async with setting_up(tmp_path) as made:
        yield made


def in_state(state: str) -> Wanted:
    return lambda snapshot: snapshot["pull"] is not None and snapshot["pull"]["state"] == state


def a_pull(state: str, done_bytes: int, source: str, error: object = None) -> Snapshot:
    return {
        "name": "m",
        "state": state,
        "done_bytes": done_bytes,
        "total_bytes": len(MODEL),
        "source": source,
        "error": error,
    }


async def test_a_model_is_offered_with_all_one_should_know_and_nothing_is_fetched(
    setup: SettingUp,
) -> None:
    host = setup.hub.url.removeprefix("http://")
    offer = {
        "name": "m",
        "title": "A model",
        "size_bytes": len(MODEL),
        "sha256": ENTRY.sha256,
        "licence": "MIT",
        "homepage": "https://models.example/m",
        "sources": [host],
        "smoke_test_only": False,
        "installed": False,
    }
    other = {**offer, "name": "other", "sha256": "0" * 64, "smoke_test_only": True}
    assert await setup.get() == {
        "answering": None,
        "endpoint": None,
        "runtime": runtime_is_installed(),
        "recommended": "qwen2.5-coder-1.5b",
        "models": [offer, other],
        "pull": None,
    }
    assert (setup.hub.requests, setup.files()) == ([], set())


async def test_a_named_model_is_recommended_and_an_endpoint_is_shown_by_its_host(
    tmp_path: Path,
) -> None:
    async with setting_up(tmp_path / "a", llm_model="other") as setup:
        assert (await setup.get())["recommended"] == "other"
    url = "http://user:secret@127.0.0.1:9/v1"
    async with setting_up(tmp_path / "b", llm_url=url, llm_model="other") as setup:
        shown = await setup.get()
    assert shown["recommended"] == "qwen2.5-coder-1.5b"
    assert shown["endpoint"] == "127.0.0.1:9"
    assert shown["answering"]["name"] == "other"
    assert "secret" not in str(shown)


async def test_a_pull_goes_on_without_whoever_asked_and_is_shown_to_its_end(
    setup: SettingUp,
) -> None:
    setup.hub.files[PATH] = Served(MODEL, stall_at=2_000_000)
    asked = await setup.pull()
    assert (asked.status_code, asked.json()["pull"]) == (202, a_pull("running", 0, ""))
    await setup.hub.stalled.wait()
    shown = (await setup.until(lambda each: each["pull"]["done_bytes"] > 0))[-1]
    source = f"{setup.hub.url}{PATH}"
    assert shown["pull"] == a_pull("running", shown["pull"]["done_bytes"], source)
    assert 0 < shown["pull"]["done_bytes"] <= 2_000_000
    assert await setup.cancel() == 204
    setup.hub.files[PATH] = Served(MODEL)
    await setup.pull()
    last = (await setup.until(in_state("done")))[-1]
    assert last["pull"] == a_pull("done", len(MODEL), source)
    assert [each["installed"] for each in last["models"]] == [True, False]
    assert last == await setup.get()
    assert (setup.cache / "m.gguf").read_bytes() == MODEL


async def test_a_cancelled_pull_keeps_what_came_and_the_next_goes_on(setup: SettingUp) -> None:
    setup.hub.files[PATH] = Served(MODEL, stall_at=2_000_000)
    await setup.pull()
    async with asyncio.timeout(30), setup.watching() as snapshots:
        async for snapshot in snapshots:
            if snapshot["pull"]["done_bytes"]:
                break
        assert await setup.cancel() == 204
        async for snapshot in snapshots:
            if in_state("cancelled")(snapshot):
                break
    (partial,) = setup.files()
    kept = (setup.cache / partial).stat().st_size
    assert 0 < kept <= 2_000_000
    assert await setup.cancel() == 204
    setup.hub.files[PATH] = Served(MODEL)
    again = await setup.pull()
    assert again.json()["pull"] == a_pull("running", kept, "")
    await setup.until(in_state("done"))
    assert setup.hub.asked(PATH) == ["", f"bytes={kept}-"]


async def test_one_model_at_a_time_and_the_same_one_once(setup: SettingUp) -> None:
    setup.hub.files[PATH] = Served(MODEL, stall_at=1_000)
    unknown = await setup.pull("nothing")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")
    assert "there are m, other" in unknown.json()["detail"]
    for _ in range(3):
        assert (await setup.pull()).status_code == 202
    another = await setup.pull("other")
    assert (another.status_code, another.json()["code"]) == (409, "conflict")
    assert "'m' is being fetched" in another.json()["detail"]
    async with asyncio.timeout(30):
        await setup.hub.stalled.wait()
    assert len(setup.hub.requests) == 1


async def test_a_pull_that_fails_says_why_and_what_to_do_and_can_be_tried_again(
    setup: SettingUp,
) -> None:
    setup.hub.files[PATH] = Served(b"", status=HTTPStatus.FORBIDDEN)
    await setup.pull()
    failed = (await setup.until(in_state("failed")))[-1]["pull"]
    assert failed["error"]["code"] == "model_unavailable"
    assert "m.gguf: it answers 403" in failed["error"]["message"]
    assert "tailrace models pull m --file" in failed["error"]["message"]
    setup.hub.files[PATH] = Served(bytes(len(MODEL)))
    await setup.pull()
    forged = (await setup.until(in_state("failed")))[-1]["pull"]
    assert "it was thrown away" in forged["error"]["message"]
    setup.hub.files[PATH] = Served(MODEL)
    assert (await setup.pull()).json()["pull"]["error"] is None
    await setup.until(in_state("done"))


async def test_a_pull_waits_for_the_one_of_another_process_and_fetches_nothing_twice(
    setup: SettingUp,
) -> None:
    setup.hub.files[PATH] = Served(MODEL, stall_at=1_500_000)
    elsewhere = asyncio.create_task(library(setup.hub, setup.cache).pull("m"))
    async with asyncio.timeout(30):
        await setup.hub.stalled.wait()
        assert (await setup.pull()).json()["pull"]["state"] == "running"
        assert await setup.cancel() == 204
        assert (await setup.pull()).json()["pull"]["state"] == "running"
        elsewhere.cancel()
        await asyncio.wait([elsewhere])
        kept = sum(file.stat().st_size for file in setup.cache.glob("*.part"))
        setup.hub.files[PATH] = Served(MODEL)
        await setup.until(in_state("done"))
    assert setup.hub.asked(PATH) == ["", f"bytes={kept}-"]


async def test_any_number_may_watch_and_each_sees_the_end(setup: SettingUp) -> None:
    setup.hub.files[PATH] = Served(MODEL)
    watchers = [asyncio.create_task(setup.until(in_state("done"))) for _ in range(20)]
    await setup.until(lambda _: True)
    await setup.pull()
    seen = await asyncio.gather(*watchers)
    assert {each[-1]["pull"]["done_bytes"] for each in seen} == {len(MODEL)}


async def test_a_silent_watch_shows_that_it_is_alive(tmp_path: Path) -> None:
    async with (
        setting_up(tmp_path, heartbeat_s=0.05) as setup,
        asyncio.timeout(30),
        setup.client.stream("GET", f"{URL}/events") as response,
    ):
        decoder = SSEDecoder()
        async for piece in response.aiter_raw():
            decoder.feed(piece)
            if decoder.comments >= 3:
                break


async def test_a_stopping_server_ends_watches_and_the_pull_and_keeps_what_came(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack, asyncio.timeout(30):
        setup = await stack.enter_async_context(setting_up(tmp_path))
        setup.hub.files[PATH] = Served(MODEL, stall_at=2_000_000)
        await setup.pull()
        await setup.hub.stalled.wait()
        async with setup.watching() as snapshots:
            assert (await anext(snapshots))["pull"]["state"] == "running"
            stopping = asyncio.create_task(setup.agent.shut_down())
            assert [each async for each in snapshots] == []
            await stopping
        refused = await setup.pull()
        assert refused.status_code == 503
        assert [name.endswith(".part") for name in setup.files()] == [True]


async def test_a_key_of_one_of_several_may_look_and_no_more(tmp_path: Path) -> None:
    async with setting_up(tmp_path, api_keys="ann:k-ann, k-all") as setup:
        setup.hub.files[PATH] = Served(MODEL)
        for method, path in [("GET", ""), ("GET", "/events"), ("POST", "/m/pull")]:
            assert (await setup.client.request(method, URL + path)).status_code == 401
        ann = {"X-API-Key": "k-ann"}
        assert (await setup.client.get(URL, headers=ann)).status_code == 200
        refused = await setup.pull(**ann)
        assert (refused.status_code, refused.json()["code"]) == (401, "unauthorized")
        assert "key without an owner" in refused.json()["detail"]
        assert await setup.cancel(**ann) == 401
        assert setup.hub.requests == []
        home = f"Bearer {setup.agent.home.token}"
        for headers in [{"X-API-Key": "k-all"}, {"Authorization": home}]:
            assert (await setup.pull(**headers)).status_code == 202
        assert await setup.cancel(Authorization=home) == 204


async def test_a_foreign_page_cannot_start_a_pull(setup: SettingUp) -> None:
    refused = await setup.pull(Origin="https://evil.example")
    assert (refused.status_code, setup.hub.requests) == (403, [])


@pytest.mark.skipif(not runtime_is_installed(), reason="the models' runtime is not installed")
async def test_what_was_fetched_answers_without_a_restart(tmp_path: Path) -> None:
    here = open_library(Settings()).path("tiny")
    if here is None:
        pytest.skip("needs the tiny model, which the tests of models fetch once")
    tiny = msgspec.structs.replace(TINY, hub=ENTRY.hub, slices=())
    brief = setting_up(tmp_path, tiny, max_answer_tokens=32)  # so small a model may not find an end
    async with brief as setup, asyncio.timeout(55):
        setup.hub.files[PATH] = Served(here.read_bytes())
        document = "# The mill\n\nThe mill opens at nine and closes at five on weekdays.\n"
        await setup.client.post("/api/documents?name=mill.md", content=document)
        assert "usage" not in await event_types(setup)
        await setup.pull("tiny")
        shown = (await setup.until(in_state("done")))[-1]
        assert shown["answering"] == {"name": "tiny", "embedded": True, "smoke_test_only": True}
        types = await event_types(setup)
    assert "usage" in types
    assert types[-1] == "stream_complete"


async def event_types(setup: SettingUp) -> list[str]:
    """What happened in a run that answers a question about the one document there is."""
    body = {"query": "When does the mill open on weekdays?"}
    run_id = (await setup.client.post("/api/agent/runs", json=body)).json()["run_id"]
    events = await setup.client.get(f"/api/agent/runs/{run_id}/events")
    return [msgspec.json.decode(event.data)["type"] for event in SSEDecoder().feed(events.content)]
