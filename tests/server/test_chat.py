"""Asking over HTTP: the stream, the whole answer, the repeat, the viewer that leaves."""

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from tailrace.events.event import StreamEvent
from tailrace.testing.model_script import Fault, Reply
from tailrace.wire.sse import SSEDecoder

if TYPE_CHECKING:
    from conftest import Serve, Serving

ANSWER = "One two three four."


def decode(body: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(frame.data) for frame in SSEDecoder().feed(body)]


async def test_a_stream_begins_with_its_ids_and_ends_with_the_answer(serving: "Serving") -> None:
    response = await serving.client.post("/api/agent/chat/stream", json={"query": "hello"})
    frames = decode(response.content)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.content.startswith(b"retry: 1000\n\nid: 1-0\n\n")
    assert frames[0]["type"] == "session_start"
    assert frames[0]["run_id"] == response.headers["x-run-id"]
    assert "".join(f["content"] for f in frames if f["type"] == "stream_chunk") == ANSWER
    assert [(f["type"], f["content"]) for f in frames[-2:]] == [
        ("completed", ANSWER),
        ("stream_complete", ""),
    ]


async def test_a_stream_may_be_asked_for_in_another_dialect(serving: "Serving") -> None:
    url = "/api/agent/chat/stream?dialect=native"
    response = await serving.client.post(url, json={"query": "hello"})
    events = [StreamEvent.from_dict(frame) for frame in decode(response.content)]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert events[-1].is_terminal


async def test_an_unknown_dialect_starts_nothing(serving: "Serving") -> None:
    url = "/api/agent/chat/stream?dialect=klingon"
    response = await serving.client.post(url, json={"query": "hello"})
    assert response.status_code == 422
    assert "native, seed" in response.json()["detail"]
    assert await serving.stored() == (0, 0, 0)


async def test_the_whole_answer_has_every_key(serving: "Serving") -> None:
    response = await serving.client.post("/api/agent/chat", json={"query": "hello"})
    answer = response.json()
    assert response.status_code == 200
    assert list(answer) == [
        "success",
        "workflow_id",
        "stage",
        "query",
        "intent",
        "context",
        "execution",
        "reflection",
        "input",
        "errors",
    ]
    assert answer["success"] is True
    assert answer["execution"]["outputs"] == [ANSWER]
    assert (answer["reflection"], answer["errors"]) == (None, None)


async def test_a_failed_run_is_a_result_without_the_models_own_words(serve: "Serve") -> None:
    async with serve(Reply(fault=Fault.http_status(400)), model_retries=0) as serving:
        response = await serving.client.post("/api/agent/chat", json={"query": "hello"})
    assert response.status_code == 200
    assert response.json()["success"] is False
    assert response.json()["errors"]
    assert "raw text" not in response.text


async def test_null_history_is_no_history(serving: "Serving") -> None:
    body = {"query": "hello", "context": {"chat_history": None}, "later": [1], "user_id": None}
    response = await serving.client.post("/api/agent/chat", json=body)
    assert response.json()["success"] is True


async def test_what_the_seeds_clients_send_is_understood(serving: "Serving") -> None:
    turn = {"role": "user", "content": "before", "timestamp": "x", "type": "text", "id": 7}
    context = {
        "chat_history": [turn],
        "document_context": None,
        "current_document": {"id": "3"},
        "document_id": "",
        "session_id": None,
        "workflow_id": None,
    }
    body = {"query": "hello", "context": context, "session_id": None, "user_id": None}
    response = await serving.client.post("/api/agent/chat/stream", json=body)
    assert decode(response.content)[-1]["type"] == "stream_complete"
    assert "before" in (await serving.model.wait_for_request(2)).chat.text


async def test_leaving_ends_the_viewer_and_never_the_run(serve: "Serve") -> None:
    reading, left = asyncio.Event(), asyncio.Event()

    async def gate(sent: int) -> None:
        if sent == 2:
            reading.set()
            await left.wait()

    async with asyncio.timeout(20), serve(Reply(text=ANSWER, before_chunk=gate)) as serving:
        url = "/api/agent/chat/stream"
        async with serving.client.stream("POST", url, json={"query": "hello"}) as response:
            run_id = response.headers["x-run-id"]
            await reading.wait()
        left.set()
        events = await serving.events(run_id)
        assert events[-1].metadata["outcome"] == "answered"


async def test_the_same_idempotency_key_finds_the_same_run(serving: "Serving") -> None:
    async def ask(query: str) -> tuple[int, str]:
        response = await serving.client.post(
            "/api/agent/chat/stream", json={"query": query}, headers={"Idempotency-Key": "k1"}
        )
        return response.status_code, response.headers.get("x-run-id", "")

    first = await ask("hello")
    assert first[0] == 200
    assert await ask("hello") == first
    assert (await ask("something else"))[0] == 422
    assert await serving.stored() == (1, 0, 0)


async def test_silence_is_filled_with_comments(serve: "Serve") -> None:
    go = asyncio.Event()

    async def gate(_sent: int) -> None:
        await go.wait()

    script = Reply(text=ANSWER, before_chunk=gate)
    async with asyncio.timeout(20), serve(script, heartbeat_s=0.02) as serving:
        decoder = SSEDecoder()
        url = "/api/agent/chat/stream"
        async with serving.client.stream("POST", url, json={"query": "hello"}) as response:
            async for piece in response.aiter_raw():
                decoder.feed(piece)
                if decoder.comments >= 3:
                    go.set()
    assert decoder.last_event_id
