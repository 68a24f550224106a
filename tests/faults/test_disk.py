"""A disk that fills, cannot be written, or gives back other bytes than it was given.

Each is a clean error with its code; what was acknowledged can be read meanwhile, nothing that was
not written is shown, and the server goes on once the fault has passed.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import httpx2
import pytest

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent import ChatRequest, ContextAgent
from tailrace.errors import StoreError
from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType, Outcome
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.stores.base import Store
from tailrace.stores.registry import check_store
from tailrace.stores.sqlite.rows import rows
from tailrace.stores.sqlite.store import SQLiteStore
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import Fault, Reply, Script, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import SSEDecoder

WORD = "weir " * 400  # 2 kB a chunk
ENDLESS = classify_as("simple_chat", Reply(text=WORD, fault=Fault.endless(), chunk_delay_s=0.002))


@dataclass(frozen=True, slots=True)
class Disk:
    """Where a home is, and how its disk is filled and freed."""

    home: Path
    fill: Callable[[ContextAgent], None]
    free: Callable[[ContextAgent], None]


class Served(NamedTuple):
    """A server that runs, and its client."""

    agent: ContextAgent
    model: ScriptedModelServer
    client: httpx2.AsyncClient

    async def start(self, query: str = "hello", **body: Any) -> httpx2.Response:  # noqa: ANN401 - JSON
        return await self.client.post("/api/agent/runs", json={"query": query, **body})

    async def watch(self, run_id: str, seen: list[StreamEvent]) -> None:
        """Add to `seen` what a viewer gets after it, to the end of the response."""
        decoder = SSEDecoder()
        headers = {"last-event-id": str(seen[-1].cursor)} if seen else {}
        path = f"/api/agent/runs/{run_id}/events"
        async with self.client.stream("GET", path, headers=headers) as response:
            assert response.status_code == 200, await response.aread()
            async for data in response.aiter_raw():
                frames = decoder.feed(data)
                seen += [StreamEvent.from_json_bytes(f.data.encode()) for f in frames]


@asynccontextmanager
async def served(home: Path, script: Script | None = None) -> AsyncGenerator[Served]:
    async with (
        asyncio.timeout(50),
        scripted_agent(home, script, documents={}) as (agent, model),
        running(agent) as url,
        httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield Served(agent, model, client)


def set_pages(agent: ContextAgent, more: int) -> None:
    """Let the database grow by so many pages, and no further."""
    store = agent.parts.store
    assert isinstance(store, SQLiteStore)

    def limit(connection: apsw.Connection) -> None:
        pages = rows(connection, "PRAGMA page_count")[0][0]
        rows(connection, f"PRAGMA max_page_count = {pages + more}")

    store.database.write(limit)


@pytest.fixture
def full_by_limit(tmp_path: Path) -> Disk:
    """SQLite is told that there is no room; it then does what it does on a full disk."""
    return Disk(
        tmp_path / "home",
        lambda agent: set_pages(agent, 40),
        lambda agent: set_pages(agent, 1_000_000),
    )


@pytest.fixture
def full_disk(tmp_path: Path) -> Generator[Disk]:
    """A disk of its own, which another file fills but for 300 kB."""
    place, filler = tmp_path / "disk", tmp_path / "disk" / "filler"
    place.mkdir()
    done = subprocess.run(
        ["/usr/bin/mount", "-t", "tmpfs", "-o", "size=6m", "none", str(place)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("no file system can be mounted here")

    def fill(_: ContextAgent) -> None:
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        filler.write_bytes(bytes(free - 300_000))

    try:
        yield Disk(place / "home", fill, lambda _: filler.unlink())
    finally:
        subprocess.run(["/usr/bin/umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("kind", ["full_by_limit", "full_disk"])
async def test_a_disk_that_fills_ends_the_run_and_the_server_recovers(
    kind: str, request: pytest.FixtureRequest
) -> None:
    disk: Disk = request.getfixturevalue(kind)
    async with served(disk.home, ENDLESS) as server:
        made = await server.client.post("/api/agent/chat/conversations", json={"page_name": "x"})
        conversation = made.json()["id"]
        disk.fill(server.agent)
        run_id = (await server.start(conversation_id=conversation)).json()["run_id"]
        seen: list[StreamEvent] = []
        watching = asyncio.create_task(server.watch(run_id, seen))
        await (await server.model.wait_for_request(2)).disconnected.wait()  # it was given up
        while (refused := await server.start(WORD * 8)).status_code == 202:
            pass  # until there is no room for another question
        before = list(seen)
        shown = (await server.client.get(f"/api/agent/runs/{run_id}")).json()
        stored = await server.agent.parts.store.read(run_id, 0, len(before))
        healthy = await server.client.get("/healthz")
        disk.free(server.agent)
        await watching
        message = await server.client.get(f"/api/agent/chat/conversations/{conversation}/messages")
        again = (await server.start()).json()["run_id"]
        ended = await server.client.post(f"/api/agent/runs/{again}/cancel")
    fold = RunFold()
    for event in seen:
        fold.apply(event)
    answer, facts = message.json()[1], seen[-1].metadata
    error = facts["error"]
    assert isinstance(error, dict)
    assert (refused.status_code, refused.json()["code"]) == (507, "storage_full")
    assert [logged.event for logged in stored] == before == seen[: len(before)]
    assert (shown["run_id"], healthy.status_code) == (run_id, 200)
    assert (error["code"], facts["outcome"]) == ("storage_full", Outcome.FAILED)
    assert (answer["status"], answer["content"]) == ("failed", fold.text)
    assert facts["content_sha256"] == content_sha256(fold.text)
    assert [event.seq for event in seen] == list(range(1, len(seen) + 1))
    assert ended.json()["state"] == "cancelled"
    assert check_store(disk.home, None).intact


async def test_a_database_that_cannot_be_written_any_more_is_read_and_recovers(
    tmp_path: Path,
) -> None:
    async with served(tmp_path, ENDLESS) as server:
        store = server.agent.parts.store
        assert isinstance(store, SQLiteStore)
        run_id = (await server.start()).json()["run_id"]
        seen: list[StreamEvent] = []
        watching = asyncio.create_task(server.watch(run_id, seen))
        await server.model.wait_for_request(2)
        await store.database.alone(lambda c: rows(c, "PRAGMA query_only = 1"))
        await server.model.requests[1].disconnected.wait()
        before = list(seen)
        refused = await server.start()
        stored = await store.read(run_id, 0, len(before))
        await store.database.alone(lambda c: rows(c, "PRAGMA query_only = 0"))
        await watching
        again = await server.start()
        await server.client.post(f"/api/agent/runs/{again.json()['run_id']}/cancel")
    error = seen[-1].metadata["error"]
    assert (refused.status_code, refused.json()["code"]) == (503, "storage_failed")
    assert "permissions" in refused.json()["detail"]
    assert [logged.event for logged in stored] == before == seen[: len(before)]
    assert isinstance(error, dict)
    assert error["code"] == "storage_failed"
    assert again.status_code == 202


@pytest.fixture
def read_only() -> Generator[Callable[[Path], None]]:
    """Makes a file or a folder read-only, for root as well."""
    made: list[Path] = []

    def make(path: Path) -> None:
        if os.geteuid():
            path.chmod(0o555 if path.is_dir() else 0o444)
            return
        for options in (["--bind", str(path)], ["-o", "remount,ro,bind"]):
            command = ["/usr/bin/mount", *options, str(path)]
            if subprocess.run(command, capture_output=True, check=False).returncode:
                pytest.skip("nothing can be made read-only here")
            if "--bind" in options:
                made.append(path)

    yield make
    for path in made:
        subprocess.run(["/usr/bin/umount", "--lazy", str(path)], check=True)


async def test_a_home_that_cannot_be_written_says_so_at_the_start(
    tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    home = tmp_path / "home"
    async with ContextAgent.open(Settings(home=home, llm_url="http://127.0.0.1:9")):
        pass
    read_only(home)
    with pytest.raises(StoreError, match=r"cannot be written .*TAILRACE_HOME"):
        async with ContextAgent.open(Settings(home=home)):
            pass


async def test_a_read_only_database_is_shown_and_takes_nothing(
    tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    async with served(tmp_path) as server:
        run_id = (await server.start()).json()["run_id"]
        events: list[StreamEvent] = []
        await server.watch(run_id, events)
    read_only(tmp_path / "tailrace.db")
    async with served(tmp_path) as server:
        seen: list[StreamEvent] = []
        await server.watch(run_id, seen)
        refused = await server.start()
    assert seen == events
    assert (refused.status_code, refused.json()["code"]) == (503, "storage_failed")


async def spoil(store: Store, run_id: str, seq: int) -> None:
    """Change a byte of an event that is stored, and not its checksum."""
    assert isinstance(store, SQLiteStore)

    sql = (
        "UPDATE events SET data = CAST(replace(data, 'type', 'tyqe') AS BLOB) "
        "WHERE seq = ? AND run = (SELECT id FROM runs WHERE run_id = ?)"
    )
    await store.database.write(lambda c: rows(c, sql, (seq, run_id)))


async def test_a_flipped_byte_is_never_shown_and_what_is_before_it_is(tmp_path: Path) -> None:
    async with served(tmp_path) as server:
        run_id = (await server.start()).json()["run_id"]
        events: list[StreamEvent] = []
        await server.watch(run_id, events)
        await spoil(server.agent.parts.store, run_id, 4)
        seen: list[StreamEvent] = []
        with pytest.raises(httpx2.TransportError):  # cut, not ended
            await server.watch(run_id, seen)
        path = f"/api/agent/runs/{run_id}/events"
        there = await server.client.get(path, headers={"last-event-id": "1-3"})
        after = await server.client.get(path, headers={"last-event-id": "1-4"})
        other = (await server.start()).json()["run_id"]
        whole: list[StreamEvent] = []
        await server.watch(other, whole)
    assert seen == events[:3]
    assert (there.status_code, there.json()["code"]) == (500, "log_corrupt")
    assert "event 1-4" in there.json()["detail"]
    assert after.content.count(b"data:") == len(events) - 4
    assert whole[-1].is_terminal


async def test_a_live_run_with_a_flipped_byte_is_closed_at_the_next_start(tmp_path: Path) -> None:
    mute = classify_as("simple_chat", Reply(text="The weir is", fault=Fault.stall(2)))
    async with served(tmp_path, mute) as server:
        made = await server.client.post("/api/agent/chat/conversations", json={"page_name": "x"})
        conversation = made.json()["id"]
        run_id = (await server.start(conversation_id=conversation)).json()["run_id"]
        await server.model.wait_for_request(2)
        store = server.agent.parts.store
        while (await store.get_run(run_id, "")).last_seq < 4:
            pass  # each look is a read of the store: it goes on meanwhile
        await spoil(store, run_id, 3)
    async with served(tmp_path) as server:
        run = (await server.client.get(f"/api/agent/runs/{run_id}")).json()
        listed = await server.client.get(f"/api/agent/chat/conversations/{conversation}/messages")
        other = await server.start(conversation_id=conversation)
    assert (run["state"], run["outcome"], run["error_code"]) == ("failed", "failed", "log_corrupt")
    assert [message["status"] for message in listed.json()] == ["completed", "failed"]
    assert other.status_code == 202


async def test_a_page_that_is_garbage_is_no_answer(tmp_path: Path) -> None:
    async with served(tmp_path, classify_as("simple_chat", Reply(text=WORD * 200))) as server:
        run_id = (await server.start()).json()["run_id"]
        events: list[StreamEvent] = []
        await server.watch(run_id, events)
    data = bytearray((tmp_path / "tailrace.db").read_bytes())
    start = data.index(b"weir weir", len(data) // 2) // 4096 * 4096
    data[start : start + 64] = bytes(range(64))
    (tmp_path / "tailrace.db").write_bytes(data)
    async with served(tmp_path) as server:
        seen: list[StreamEvent] = []
        with pytest.raises((httpx2.TransportError, AssertionError)):
            await server.watch(run_id, seen)
        healthy = await server.client.get("/healthz")
    assert seen == events[: len(seen)]
    assert not any(event.is_terminal for event in seen)
    assert healthy.status_code == 200
    assert not check_store(tmp_path, None).intact


class JumpingClock:
    """The machine's clock, whose hands somebody moves."""

    def __init__(self) -> None:
        self.moved = timedelta(0)

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now() + self.moved

    def monotonic_s(self) -> float:
        return SYSTEM_CLOCK.monotonic_s()


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_jumps_during_a_run_changes_nothing_of_it(
    tmp_path: Path, hours: int
) -> None:
    text = " ".join(f"{n} and" for n in range(200))
    script = classify_as("simple_chat", Reply(text=text, chunk_delay_s=0.002))
    clock = JumpingClock()
    transcript: list[StreamEvent] = []
    async with asyncio.timeout(30), scripted_agent(tmp_path, script, clock=clock) as (agent, _):
        async for event in agent.process_stream(ChatRequest(query="hello")):
            transcript.append(event)
            if event.type is EventType.STREAM_CHUNK:
                clock.moved = timedelta(hours=hours)
        second = [event async for event in agent.process_stream(ChatRequest(query="hello"))]
        runs = await agent.parts.store.list_runs("", 9, None)
    fold = RunFold()
    for event in transcript:
        fold.apply(event)
    facts = transcript[-1].metadata
    seconds = facts["seconds"]
    assert (facts["outcome"], fold.text) == (Outcome.ANSWERED, text)
    assert [event.seq for event in transcript] == list(range(1, len(transcript) + 1))
    assert [run.run_id for run in runs] == [second[0].run_id, transcript[0].run_id]
    assert isinstance(seconds, dict)
    assert all(isinstance(each, float) and each >= 0 for each in seconds.values())
