"""A server that is killed with SIGKILL mid-answer and started again goes on where it was."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType, Outcome
from tailrace.testing.model_script import Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import SSEDecoder

ANSWER = " ".join(f"{n} and" for n in range(400))
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


async def follow_until_killed(
    client: httpx2.AsyncClient, path: str, seen: list[StreamEvent], chunks: int, process: Process
) -> None:
    """Watch a run into `seen`, and kill the server once there are so many chunks."""
    decoder = SSEDecoder()
    async with client.stream("GET", path) as response:
        async for data in response.aiter_raw():
            frames = decoder.feed(data)
            seen += [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]
            if sum(event.type is EventType.STREAM_CHUNK for event in seen) >= chunks:
                process.kill()


@pytest.mark.parametrize("chunks_seen", ROUNDS)
async def test_a_killed_run_goes_on_and_both_its_viewers_have_it_whole(
    tmp_path: Path, chunks_seen: int
) -> None:
    reply = Reply(ANSWER, chunk_delay_s=0.004)
    async with (
        asyncio.timeout(50),
        ScriptedModelServer(classify_as("simple_chat", reply)) as model,
    ):
        first: list[StreamEvent] = []
        second: list[StreamEvent] = []
        async with (
            server(tmp_path, model.url) as (process, url),
            httpx2.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            created = await client.post("/api/agent/chat/conversations", json={"page_name": "home"})
            body = {"query": "Tell me all", "conversation_id": created.json()["id"]}
            run_id = (await client.post("/api/agent/runs", json=body)).json()["run_id"]
            path = f"/api/agent/runs/{run_id}/events"
            cut = await asyncio.gather(
                follow_until_killed(client, path, first, chunks_seen, process),
                follow_until_killed(client, path, second, chunks_seen + 3, process),
                return_exceptions=True,
            )
        assert [isinstance(error, httpx2.TransportError) for error in cut] == [True, True]
        async with (
            server(tmp_path, model.url) as (_, url),
            httpx2.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            rest = [await watch(client, run_id, str(seen[-1].cursor)) for seen in (first, second)]
            whole = await watch(client, run_id)
            listed = await client.get(
                f"/api/agent/chat/conversations/{body['conversation_id']}/messages"
            )
    fold = RunFold()
    for event in whole:
        fold.apply(event)
    question, answer = listed.json()
    assert [first + rest[0], second + rest[1]] == [whole, whole]
    assert [event.seq for event in whole] == list(range(1, len(whole) + 1))
    assert [event.is_terminal for event in whole].count(True) == 1
    assert [event.type for event in whole].count(EventType.RETRACT) == 1
    assert whole[-1].metadata["outcome"] == Outcome.ANSWERED
    assert whole[-1].metadata["content_sha256"] == content_sha256(ANSWER)
    assert fold.text == answer["content"] == ANSWER
    assert (question["status"], answer["status"]) == ("completed", "completed")
