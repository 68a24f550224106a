"""A server that is killed with SIGKILL mid-answer and started again goes on where it was."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx2
import pytest

from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.types import EventType, Outcome
from tailrace.testing.model_script import Fault, Reply, ask_back, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.testing.served import forked_process, served_process
from tailrace.wire.sse import SSEDecoder

LONG_ANSWER = " ".join(f"{n} and" for n in range(400))
CHUNKS_SEEN = 3
"""After how many chunks the server is killed; see `test_kill_rounds` for all other moments."""


async def watch(client: httpx2.AsyncClient, run_id: str, cursor: str = "") -> list[StreamEvent]:
    headers = {"last-event-id": cursor} if cursor else {}
    response = await client.get(f"/api/agent/runs/{run_id}/events", headers=headers)
    frames = SSEDecoder().feed(response.content)
    return [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]


async def follow_until(
    streaming: AbstractAsyncContextManager[httpx2.Response],
    seen: list[StreamEvent],
    enough: Callable[[list[StreamEvent]], bool],
    process: Process | BaseProcess,
) -> None:
    """Follow a run into `seen`, and kill the server once that is enough."""
    decoder = SSEDecoder()
    async with streaming as response:
        async for data in response.aiter_raw():
            frames = decoder.feed(data)
            seen += [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]
            if enough(seen):
                process.kill()


def of_type(type_: EventType, count: int) -> Callable[[list[StreamEvent]], bool]:
    """Tells whether so many events are of that type."""
    return lambda seen: sum(event.type is type_ for event in seen) >= count


async def test_a_killed_run_goes_on_and_both_its_viewers_have_it_whole(tmp_path: Path) -> None:
    reply = Reply(LONG_ANSWER, chunk_delay_s=0.004)
    async with (
        asyncio.timeout(50),
        ScriptedModelServer(classify_as("simple_chat", reply)) as model,
    ):
        first: list[StreamEvent] = []
        second: list[StreamEvent] = []
        async with (
            served_process(tmp_path, model.url) as (process, url),
            httpx2.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            created = await client.post("/api/agent/chat/conversations", json={"page_name": "home"})
            body = {"query": "Tell me all", "conversation_id": created.json()["id"]}
            run_id = (await client.post("/api/agent/runs", json=body)).json()["run_id"]
            path = f"/api/agent/runs/{run_id}/events"
            cut = await asyncio.gather(
                *(
                    follow_until(
                        client.stream("GET", path),
                        seen,
                        of_type(EventType.STREAM_CHUNK, chunks),
                        process,
                    )
                    for seen, chunks in ((first, CHUNKS_SEEN), (second, CHUNKS_SEEN + 3))
                ),
                return_exceptions=True,
            )
        assert [isinstance(error, httpx2.TransportError) for error in cut] == [True, True]
        async with (
            served_process(tmp_path, model.url) as (_, url),
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
    assert whole[-1].metadata["content_sha256"] == content_sha256(LONG_ANSWER)
    assert fold.text == answer["content"] == LONG_ANSWER
    assert (question["status"], answer["status"]) == ("completed", "completed")


VAGUE = "Do it like the other one"
ASKED = "Which plan do you mean?"
TOLD = "I mean the harbour"
ANSWER = "Then it is 40,000 euros."


async def start_and_kill(home: Path, model: ScriptedModelServer) -> tuple[int, list[StreamEvent]]:
    """The conversation and the events of a run whose server was killed once it waited."""
    seen: list[StreamEvent] = []
    async with (
        forked_process(home, model.url) as (process, url),
        httpx2.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        created = await client.post("/api/agent/chat/conversations", json={"page_name": "home"})
        body = {"query": VAGUE, "interactive": True, "conversation_id": created.json()["id"]}
        streaming = client.stream("POST", "/api/agent/chat/stream?dialect=native", json=body)
        with pytest.raises(httpx2.TransportError):
            await follow_until(streaming, seen, of_type(EventType.INPUT_REQUIRED, 1), process)
    return created.json()["id"], seen


def check_log(events: list[StreamEvent], seen: list[StreamEvent]) -> RunFold:
    """What the events amount to; they go on from those that were seen, and end once."""
    fold = RunFold()
    for event in events:
        fold.apply(event)
    assert events[: len(seen)] == seen
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.is_terminal for event in events].index(True) == len(events) - 1
    assert events[-1].metadata["content_sha256"] == content_sha256(fold.text)
    return fold


async def test_a_run_that_waits_survives_two_kills_and_is_answered_in_the_third_server(
    tmp_path: Path,
) -> None:
    script = ask_back(ASKED, "simple_chat", Reply(ANSWER))
    async with asyncio.timeout(50), ScriptedModelServer(script) as model:
        conversation, seen = await start_and_kill(tmp_path, model)
        run_id, listing = seen[0].run_id, f"/api/agent/chat/conversations/{conversation}/messages"
        for kills in (True, False):
            async with (
                forked_process(tmp_path, model.url) as (process, url),
                httpx2.AsyncClient(base_url=url, trust_env=False) as client,
            ):
                run = (await client.get(f"/api/agent/runs/{run_id}")).json()
                assert (run["state"], run["input"]["question"]) == ("waiting", ASKED)
                assert (await client.get(listing)).json()[1]["status"] == "pending"
                if kills:
                    process.kill()
                    continue
                watching = asyncio.ensure_future(watch(client, run_id, str(seen[-1].cursor)))
                answer = {"request_id": run["input"]["request_id"], "text": TOLD}
                taken = await client.post(f"/api/agent/runs/{run_id}/input", json=answer)
                rest = await watching
                message = (await client.get(listing)).json()[1]
        fold = check_log([*seen, *rest], seen)
        assert (taken.status_code, fold.text) == (202, ANSWER)
        assert fold.inputs[0]["input"] == TOLD
        assert (message["status"], message["content"]) == ("completed", ANSWER)


async def test_an_answer_that_was_taken_is_kept_when_the_server_is_killed_at_once(
    tmp_path: Path,
) -> None:
    script = ask_back(ASKED, "simple_chat", Reply(fault=Fault.mute()))
    async with (
        asyncio.timeout(50),
        ScriptedModelServer(script) as model,
        ScriptedModelServer(classify_as("simple_chat", Reply(ANSWER))) as next_model,
    ):
        _, seen = await start_and_kill(tmp_path, model)
        path = f"/api/agent/runs/{seen[0].run_id}"
        answer = {"request_id": seen[-1].metadata["request_id"], "text": TOLD}
        async with (
            forked_process(tmp_path, model.url) as (process, url),
            httpx2.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            taken = await client.post(f"{path}/input", json=answer)
            process.kill()
        async with (
            forked_process(tmp_path, next_model.url) as (_, url),
            httpx2.AsyncClient(base_url=url, trust_env=False) as client,
        ):
            again = await client.post(f"{path}/input", json=answer)
            events = await watch(client, seen[0].run_id)
        fold = check_log(events, seen)
        assert (taken.status_code, again.status_code) == (202, 202)
        assert [given["input"] for given in fold.inputs] == [TOLD]
        assert (fold.text, events[-1].metadata["outcome"]) == (ANSWER, Outcome.ANSWERED)
