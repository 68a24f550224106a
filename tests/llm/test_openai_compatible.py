"""The OpenAI-compatible client: what any client promises, and what endpoints do differently."""

import asyncio
import logging
import random
from contextlib import aclosing
from datetime import timedelta
from email.utils import format_datetime

import pytest

from tailrace.errors import (
    ErrorCode,
    InvalidRequestError,
    ModelProtocolError,
    ModelRateLimitedError,
    ModelTimeoutError,
)
from tailrace.events.event import JSON
from tailrace.llm.base import Delta, LLMClient, LLMRequest, Message, Usage, Wait, WaitKind
from tailrace.llm.deadline import ModelTimeouts
from tailrace.llm.openai_compatible import OpenAICompatibleClient
from tailrace.llm.retry import RetryPolicy
from tailrace.testing.clock import FakeClock
from tailrace.testing.llm import LLM_CLIENT_CHECKS, collect, failure, question
from tailrace.testing.model_script import ChatRequest, Fault, Reply
from tailrace.testing.model_server import ScriptedModelServer

IMPATIENT = ModelTimeouts(first_token_s=1.0, between_tokens_s=1.0)
NO_WAIT = RetryPolicy(draw=lambda: 0.0)


def impatient_client(url: str) -> LLMClient:
    return OpenAICompatibleClient(base_url=url, model="m", timeouts=IMPATIENT, retries=NO_WAIT)


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


@pytest.mark.parametrize("check", LLM_CLIENT_CHECKS)
async def test_it_keeps_the_promise_about(check: str) -> None:
    await LLM_CLIENT_CHECKS[check](impatient_client)


@pytest.mark.parametrize("ending", ["/v1", "/v1/", "", "/", "/v1/chat/completions"])
async def test_a_base_url_may_end_in_any_usual_way(ending: str) -> None:
    async with asyncio.timeout(10), ScriptedModelServer(Reply("ok")) as server:
        client = impatient_client(server.url.removesuffix("/v1") + ending)
        assert text_of(await collect(client)) == "ok"
        await client.aclose()


@pytest.mark.parametrize("url", ["localhost:1234", "ftp://host/v1", "http://", "http://[", ""])
def test_a_url_that_is_none_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(InvalidRequestError, match="http://127"):
        OpenAICompatibleClient(base_url=url, model="m")


def test_a_key_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="copy it again"):
        OpenAICompatibleClient(base_url="http://127.0.0.1:1/v1", model="m", api_key="sk-\nx")


async def test_a_request_has_what_was_asked_and_no_more() -> None:
    async with asyncio.timeout(10), ScriptedModelServer() as server:
        client = OpenAICompatibleClient(base_url=server.url, model="m", api_key="sk-1 ")
        plain = LLMRequest(messages=[Message(role="user", content="hi")])
        await collect(client, plain)
        await collect(client, LLMRequest(messages=plain.messages, max_tokens=5, temperature=0.0))
        await client.aclose()
        bodies = [dict(request.chat.body) for request in server.requests]
        base = {
            "model": "m",
            "messages": [{"role": "user", "content": "hi"}],
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        assert bodies == [base, {**base, "max_tokens": 5, "temperature": 0.0}]
        assert server.requests[0].chat.headers["authorization"] == "Bearer sk-1"


async def test_calls_one_after_another_share_a_connection() -> None:
    async with asyncio.timeout(10), ScriptedModelServer() as server:
        client = impatient_client(server.url)
        for _ in range(3):
            await collect(client)
        assert server.connections == 1
        await client.aclose()


async def test_think_tags_at_the_head_are_reasoning_however_they_are_cut() -> None:
    whole = "<think>\nIs it so?</think>\n\nYes, <think> is text here."
    for size in (1, 3, 7, 100):
        chunks = [whole[i : i + size] for i in range(0, len(whole), size)]
        async with asyncio.timeout(10), ScriptedModelServer(Reply(chunks=chunks)) as server:
            client = impatient_client(server.url)
            deltas = await collect(client)
            await client.aclose()
        reasoning = "".join(delta.reasoning for delta in deltas)
        assert (reasoning, text_of(deltas).lstrip("\n")) == (
            "\nIs it so?",
            "Yes, <think> is text here.",
        )


async def test_prefill_progress_is_shown_and_counts_as_life() -> None:
    clock = FakeClock()

    async def take_long(_sent: int) -> None:
        clock.advance(50)

    reply = Reply("ok", progress=[(0, 200), (100, 200), (200, 200)], before_chunk=take_long)
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = OpenAICompatibleClient(
            base_url=server.url, model="m", asks_progress=True, clock=clock
        )
        deltas = await collect(client)
        await client.aclose()
    assert [delta.wait for delta in deltas if delta.wait] == [
        Wait(kind=WaitKind.PREFILL, progress=share) for share in (0.0, 0.5, 1.0)
    ]


async def test_time_that_the_reader_takes_is_not_the_models() -> None:
    clock = FakeClock()
    reply = Reply("one two three", progress=[(0, 9), (3, 9), (6, 9)])
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = OpenAICompatibleClient(
            base_url=server.url,
            model="m",
            timeouts=ModelTimeouts(first_token_s=60, between_tokens_s=30, total_s=1000),
            asks_progress=True,
            clock=clock,
        )
        async with aclosing(client.stream(question())) as deltas:
            async for _ in deltas:
                clock.advance(50)
        await client.aclose()
    assert clock.monotonic_s() == 350


async def test_a_field_the_endpoint_does_not_know_is_left_out_from_then_on() -> None:
    def strict(request: ChatRequest) -> Reply:
        for name in ("stream_options", "max_tokens"):
            if name in request.body:
                error: JSON = {"error": {"message": f"Unsupported parameter: '{name}'"}}
                return Reply(fault=Fault.http_status(400, body=error))
        return Reply("ok")

    async with asyncio.timeout(10), ScriptedModelServer(strict) as server:
        client = impatient_client(server.url)
        assert text_of(await collect(client)) == "ok"
        assert text_of(await collect(client)) == "ok"
        await client.aclose()
        assert len(server.requests) == 4
        body = server.requests[-1].chat.body
        assert (body["max_completion_tokens"], "stream_options" in body) == (64, False)


async def test_a_retry_waits_as_long_as_the_endpoint_asks() -> None:
    clock = FakeClock()
    date = format_datetime(clock.now() + timedelta(seconds=10), usegmt=True)
    script = [
        Reply(fault=Fault.http_status(429, retry_after="3")),
        Reply(fault=Fault.http_status(503, retry_after=date)),
        Reply("ok"),
    ]
    async with asyncio.timeout(10), ScriptedModelServer(script) as server:
        client = OpenAICompatibleClient(
            base_url=server.url, model="m", retries=RetryPolicy(sleep=clock.sleep), clock=clock
        )
        assert text_of(await collect(client)) == "ok"
        await client.aclose()
    assert clock.slept_s == [3.0, 7.0]


async def test_an_endpoint_that_asks_for_too_long_a_wait_is_not_waited_for() -> None:
    reply = Reply(fault=Fault.http_status(429, retry_after="3600"))
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = OpenAICompatibleClient(base_url=server.url, model="m")
        error = await failure(client)
        await client.aclose()
        assert (type(error), error.retry_after_s, len(server.requests)) == (
            ModelRateLimitedError,
            3600.0,
            1,
        )


async def test_a_used_up_quota_is_not_tried_again() -> None:
    body: JSON = {"error": {"code": "insufficient_quota", "message": "raw text"}}
    reply = Reply(fault=Fault.http_status(429, body=body))
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = impatient_client(server.url)
        error = await failure(client)
        await client.aclose()
        assert (error.code, error.retryable, len(server.requests)) == (
            ErrorCode.MODEL_RATE_LIMITED,
            False,
            1,
        )


async def test_waits_between_tries_have_full_jitter() -> None:
    clock = FakeClock()
    draws = random.Random(7)
    policy = RetryPolicy(draw=draws.random, sleep=clock.sleep)
    reply = Reply(fault=Fault.http_status(500))
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = OpenAICompatibleClient(base_url=server.url, model="m", retries=policy, clock=clock)
        await failure(client)
        await client.aclose()
    expected = random.Random(7)
    assert clock.slept_s == [expected.random() * 0.5, expected.random() * 1.0]


async def test_a_call_that_takes_too_long_in_all_is_ended() -> None:
    clock = FakeClock()
    reply = Reply(fault=Fault.endless(), rate=200)
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = OpenAICompatibleClient(base_url=server.url, model="m", clock=clock)

        async def read() -> None:
            async with aclosing(client.stream(question())) as deltas:
                async for _ in deltas:
                    clock.advance(10)

        with pytest.raises(ModelTimeoutError, match="in all"):
            await read()
        await server.requests[0].disconnected.wait()
        await client.aclose()


async def test_retries_do_not_outlast_the_call() -> None:
    clock = FakeClock()
    reply = Reply(fault=Fault.http_status(503, retry_after="15"))
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = OpenAICompatibleClient(
            base_url=server.url,
            model="m",
            timeouts=ModelTimeouts(total_s=20),
            retries=RetryPolicy(retries=9, sleep=clock.sleep),
            clock=clock,
        )
        await failure(client)
        await client.aclose()
    assert clock.slept_s == [15.0]


async def test_a_reply_is_whole_once_it_says_why_it_stopped() -> None:
    for reply in (
        Reply("whole", fault=Fault.cut(9), sends_done=False),
        Reply("whole", fault=Fault.garbage(9)),
        Reply("whole", sends_done=False, reports_usage=False),
    ):
        async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
            client = impatient_client(server.url)
            deltas = await collect(client)
            await client.aclose()
        assert text_of(deltas) == "whole"


async def test_done_without_a_finish_reason_is_a_cut() -> None:
    async with asyncio.timeout(10), ScriptedModelServer(Reply(finish_reason=None)) as server:
        client = impatient_client(server.url)
        assert (await failure(client)).code is ErrorCode.MODEL_PROTOCOL
        await client.aclose()


async def test_json_is_found_in_a_fence_behind_thoughts_and_amid_prose() -> None:
    for text in (
        '```json\n{"a": 1}\n```',
        '<think>{"b": 2}</think>{"a": 1}',
        'Here you are: {"a": 1} - anything else?',
    ):
        async with asyncio.timeout(10), ScriptedModelServer(Reply(text, usage=(1, 2))) as server:
            client = impatient_client(server.url)
            answer = await client.complete_json(question())
            await client.aclose()
        assert answer == ({"a": 1}, Usage(prompt_tokens=1, completion_tokens=2))


async def test_json_that_was_cut_at_its_limit_says_so() -> None:
    reply = Reply('{"a": "unfini', finish_reason="length")
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = impatient_client(server.url)
        with pytest.raises(ModelProtocolError, match="token limit"):
            await client.complete_json(question())
        await client.aclose()


async def test_calls_to_this_machine_ignore_proxy_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with asyncio.timeout(10), ScriptedModelServer(Reply("ok")) as server:
        client = impatient_client(server.url)
        assert text_of(await collect(client)) == "ok"
        await client.aclose()


async def test_calls_elsewhere_go_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with asyncio.timeout(10), ScriptedModelServer(Reply("ok")) as server:
        monkeypatch.setenv("http_proxy", server.url.removesuffix("/v1"))
        client = impatient_client("http://model.invalid/v1")
        assert text_of(await collect(client)) == "ok"
        await client.aclose()
        assert server.requests[0].chat.headers["host"] == "model.invalid"


async def test_the_log_file_has_the_reason_without_the_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    body: JSON = {"error": {"message": "raw text about sk-secret"}}
    reply = Reply(fault=Fault.http_status(401, body=body))
    async with asyncio.timeout(10), ScriptedModelServer(reply) as server:
        client = OpenAICompatibleClient(base_url=server.url, model="m", api_key="sk-secret")
        with caplog.at_level(logging.WARNING):
            error = await failure(client)
        await client.aclose()
    assert ("raw text about ***" in caplog.text, "sk-secret" in caplog.text + str(error)) == (
        True,
        False,
    )


async def test_an_endpoint_that_does_not_greet_in_time_is_a_timeout() -> None:
    async def be_mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)  # the TLS greeting, which is never answered
        await reader.read()
        writer.close()

    async with asyncio.timeout(10), await asyncio.start_server(be_mute, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = OpenAICompatibleClient(
            base_url=f"https://127.0.0.1:{port}", model="m", timeouts=ModelTimeouts(connect_s=0.2)
        )
        error = await failure(client)
        await client.aclose()
    assert (type(error), "could not be reached" in error.message) == (ModelTimeoutError, True)
