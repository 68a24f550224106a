"""A server that is killed with SIGKILL mid-answer and started again loses nothing that was seen."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType
from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import SSEDecoder

ROUNDS = [1, 2, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 44, 2))]
"""After how many chunks the server is killed."""


@asynccontextmanager
async def server(home: Path, model_url: str) -> AsyncGenerator[tuple[Process, str]]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")},
        "TAILRACE_HOME": str(home),
        "TAILRACE_LLM_URL": model_url,
        "TAILRACE_LLM_MODEL": "scripted",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tailrace", "serve", "--port", "0"),
        env=environment,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
    )
    try:
        assert process.stdout is not None
        greeting = (await process.stdout.readline()).decode()
        assert "http://" in greeting, greeting
        yield process, greeting.split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def watch(client: httpx2.AsyncClient, run_id: str, cursor: str = "") -> list[StreamEvent]:
    headers = {"last-event-id": cursor} if cursor else {}
    response = await client.get(f"/api/agent/runs/{run_id}/events", headers=headers)
    frames = SSEDecoder().feed(response.content)
    return [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]


async def follow_until(
    client: httpx2.AsyncClient,
    body: Mapping[str, object],
    seen: list[StreamEvent],
    chunks: int,
    process: Process,
) -> None:
    """Follow a new run into `seen`, and kill the server once there are so many chunks."""
    decoder = SSEDecoder()
    path = "/api/agent/chat/stream?dialect=native"
    async with client.stream("POST", path, json=body) as response:
        async for data in response.aiter_raw():
            frames = decoder.feed(data)
            seen += [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]
            if sum(event.type is EventType.STREAM_CHUNK for event in seen) >= chunks:
                process.kill()


@pytest.mark.parametrize("chunks_seen", ROUNDS)
async def test_a_killed_run_is_closed_as_worker_lost_and_every_seen_event_is_still_there(
    tmp_path: Path, chunks_seen: int
) -> None:
    reply = Reply(chunks=["word "], chunk_delay_s=0.002, fault=Fault.endless())
    async with (
        asyncio.timeout(50),
        ScriptedModelServer(classify_as("simple_chat", reply)) as model,
    ):
        seen: list[StreamEvent] = []
        async with (
            server(tmp_path, model.url) as (process, url),
            httpx2.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            created = await client.post("/api/agent/chat/conversations", json={"page_name": "home"})
            body = {"query": "Go on for ever", "conversation_id": created.json()["id"]}
            with pytest.raises(httpx2.TransportError):
                await follow_until(client, body, seen, chunks_seen, process)
        run_id = seen[0].run_id
        async with (
            server(tmp_path, model.url) as (_, url),
            httpx2.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            events = await watch(client, run_id)
            rest = await watch(client, run_id, str(seen[-1].cursor))
            listed = await client.get(
                f"/api/agent/chat/conversations/{body['conversation_id']}/messages"
            )
        fold = RunFold()
        for event in events:
            fold.apply(event)
        question, answer = listed.json()
        error = events[-1].metadata["error"]
        assert isinstance(error, dict)
        assert events[: len(seen)] == seen
        assert events[len(seen) :] == rest
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert [event.is_terminal for event in events].count(True) == 1
        assert error["code"] == "worker_lost"
        assert events[-1].metadata["content_sha256"] == content_sha256(fold.text)
        assert (question["status"], answer["status"]) == ("completed", "failed")
        assert answer["content"] == fold.text != ""
