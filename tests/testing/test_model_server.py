"""The scripted model server: what others' tests rest on."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest

from tailrace.events.event import JSON
from tailrace.testing.model_script import (
    ChatRequest,
    Fault,
    Reply,
    Script,
    classify_as,
    rules,
    words,
)
from tailrace.testing.model_server import ScriptedModelServer


def chat(text: str = "hi", *, stream: bool = False) -> dict[str, JSON]:
    return {"model": "m", "stream": stream, "messages": [{"role": "user", "content": text}]}


@asynccontextmanager
async def serving(
    script: Script,
) -> AsyncGenerator[tuple[ScriptedModelServer, httpx2.AsyncClient]]:
    """A server that plays `script`, and somebody else's client for it."""
    async with (
        asyncio.timeout(10),
        ScriptedModelServer(script) as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False) as client,
    ):
        yield server, client


async def answer(client: httpx2.AsyncClient, body: dict[str, JSON]) -> str:
    response = await client.post("/chat/completions", json=body)
    return response.json()["choices"][0]["message"]["content"]


async def test_it_answers_without_streaming_and_lists_its_model() -> None:
    async with serving(Reply("Yes.", usage=(3, 1))) as (_, client):
        reply = (await client.post("/chat/completions", json=chat())).json()
        models = (await client.get("/models")).json()
        missing = (await client.get("/nothing")).status_code
    assert reply["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Yes."},
            "finish_reason": "stop",
        }
    ]
    assert reply["usage"] == {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    assert ([model["id"] for model in models["data"]], missing) == (["scripted"], 404)


async def test_a_stream_has_the_bytes_of_the_protocol() -> None:
    async with serving(Reply("a b")) as (_, client):
        response = await client.post("/chat/completions", json=chat(stream=True))
    *events, done, end = response.text.split("\n\n")
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events]
    assert [(choice["delta"], choice["finish_reason"]) for choice in deltas] == [
        ({"role": "assistant", "content": ""}, None),
        ({"content": "a "}, None),
        ({"content": "b"}, None),
        ({}, "stop"),
    ]
    assert (response.headers["content-type"], done, end) == (
        "text/event-stream",
        "data: [DONE]",
        "",
    )


async def test_a_list_is_consumed_in_order_and_its_last_reply_stays() -> None:
    script = [Reply("one"), Reply("two")]
    async with serving(script) as (_, client):
        assert [await answer(client, chat()) for _ in range(3)] == ["one", "two", "two"]


async def test_rules_choose_by_what_the_messages_say() -> None:
    script = rules({"budget": Reply("money")}, default=Reply("else"))
    async with serving(script) as (_, client):
        answers = [await answer(client, chat(t)) for t in ("the budget?", "the weather?")]
    assert answers == ["money", "else"]


async def test_classification_fills_the_schema_and_leaves_other_requests_to_the_script() -> None:
    schema: JSON = {
        "type": "object",
        "properties": {
            "intent": {"type": "string", "enum": ["simple_chat", "qa_analysis"]},
            "question": {"type": ["string", "null"]},
            "confidence": {"type": "number"},
            "note": {"type": "string"},
        },
        "required": ["intent", "question", "confidence"],
    }
    wanted: JSON = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    script = classify_as("qa_analysis", then=Reply("text"), fields={"confidence": 0.5})
    async with serving(script) as (_, client):
        classified = await answer(client, {**chat(), "response_format": wanted})
        assert json.loads(classified) == {
            "intent": "qa_analysis",
            "question": "",
            "confidence": 0.5,
        }
        assert await answer(client, chat()) == "text"


async def test_a_gate_lets_a_test_say_when_each_chunk_leaves() -> None:
    gate = asyncio.Semaphore(0)

    async def before_chunk(_sent: int) -> None:
        await gate.acquire()

    script = Reply("a b c", before_chunk=before_chunk)
    async with serving(script) as (server, client):
        async with client.stream("POST", "/chat/completions", json=chat(stream=True)) as reply:
            pieces = reply.aiter_text()
            request = await server.wait_for_request()
            assert request.chunks_sent == 0
            gate.release()
            text = ""
            while '"a "' not in text:
                text += await anext(pieces)
            assert '"b "' not in text
            gate.release()
            gate.release()
            assert '"c"' in text + "".join([piece async for piece in pieces])
        await request.finished.wait()
        assert (request.chunks_sent, request.disconnected.is_set()) == (3, False)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(fault=Fault.mute()),
        Reply(fault=Fault.stall(1)),
        Reply(fault=Fault.endless()),
        Reply(first_delay_s=100),
        Reply(chunk_delay_s=100),
    ],
)
async def test_a_client_that_hangs_up_is_noticed_whatever_the_reply_does(reply: Reply) -> None:
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        _reader, writer = await asyncio.open_connection("127.0.0.1", httpx2.URL(server.url).port)
        body = json.dumps(chat(stream=True)).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        request = await server.wait_for_request()
        assert not request.disconnected.is_set()
        writer.close()
        await request.disconnected.wait()
        assert request.disconnected_at is not None


async def test_an_error_in_a_script_is_raised_where_the_server_is_left() -> None:
    def broken(_request: ChatRequest) -> Reply:
        msg = "no such reply"
        raise KeyError(msg)

    async def use() -> None:
        async with serving(broken) as (_, client):
            with pytest.raises(httpx2.RemoteProtocolError):
                await client.post("/chat/completions", json=chat())

    with pytest.raises(KeyError, match="no such reply"):
        await use()


def test_words_lose_nothing() -> None:
    for text in ("", "  ", "one", " two  words \n", "a\n\nb"):
        assert "".join(words(text)) == text


async def test_it_runs_as_a_process_of_its_own() -> None:
    command = ("-m", "tailrace.testing.model_server", "--text", "x ", "--repeat", "3")
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE)
    try:
        async with asyncio.timeout(20):
            assert process.stdout is not None
            url = (await process.stdout.readline()).decode().strip()
            async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
                assert await answer(client, chat()) == "x x x "
    finally:
        process.kill()
        await process.wait()
