"""Kit: proves that a model client keeps what `tailrace.llm.base` promises.

    from tailrace.testing.llm import check_llm_client

    async def test_my_client_keeps_its_promises() -> None:
        await check_llm_client(lambda url: MyClient(url, first_token_timeout_s=0.5))

The client is made for a `ScriptedModelServer`. It shall wait at most a second for a token, and may
try again before the first token, with next to no wait between.

Rule 1: what it finds is said in a sentence that names the promise.
Rule 2: nothing waits for ever: each check has a limit.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Final

from tailrace.errors import ErrorCode, ModelError, ModelProtocolError
from tailrace.llm.base import Delta, FinishReason, LLMClient, LLMRequest, Message, Usage
from tailrace.testing.model_script import ChatRequest, Fault, Reply, Script
from tailrace.testing.model_server import ScriptedModelServer

MakeClient = Callable[[str], LLMClient]

_LIMIT_S: Final = 20.0
_TEXT: Final = "Löwen and 🦁 say:\n\n  nothing is lost. "
_RAW: Final = "raw text"  # is in everything a fault sends, and must not be in any message
_STREAMS_AT_ONCE: Final = 20

FAULTS: Final[Mapping[str, tuple[Fault, ErrorCode]]] = {
    "a refused key (401)": (Fault.http_status(401), ErrorCode.MODEL_UNAUTHORIZED),
    "a forbidden model (403)": (Fault.http_status(403), ErrorCode.MODEL_UNAUTHORIZED),
    "an unknown model (404)": (Fault.http_status(404), ErrorCode.MODEL_NOT_FOUND),
    "a bad request (400)": (Fault.http_status(400), ErrorCode.MODEL_REJECTED),
    "a prompt that is too long (400)": (
        Fault.context_exceeded(),
        ErrorCode.MODEL_CONTEXT_EXCEEDED,
    ),
    "a rate limit (429)": (Fault.http_status(429), ErrorCode.MODEL_RATE_LIMITED),
    "a failure (500)": (Fault.http_status(500), ErrorCode.MODEL_UNAVAILABLE),
    "an overload (503)": (Fault.http_status(503), ErrorCode.MODEL_UNAVAILABLE),
    "a cut before the first token": (Fault.cut(0), ErrorCode.MODEL_PROTOCOL),
    "a cut between tokens": (Fault.cut(2), ErrorCode.MODEL_PROTOCOL),
    "a cut inside a token": (Fault.cut(2, inside_chunk=True), ErrorCode.MODEL_PROTOCOL),
    "garbage at first": (Fault.garbage(), ErrorCode.MODEL_PROTOCOL),
    "garbage between tokens": (Fault.garbage(2), ErrorCode.MODEL_PROTOCOL),
    "a web page": (Fault.wrong_content_type(), ErrorCode.MODEL_PROTOCOL),
    "an empty stream": (Fault.empty(), ErrorCode.MODEL_PROTOCOL),
    "an enormous chunk": (Fault.enormous(16 * 1024 * 1024), ErrorCode.MODEL_PROTOCOL),
    "a reset connection": (Fault.refuse(), ErrorCode.MODEL_PROTOCOL),
    "an endpoint that never answers": (Fault.mute(), ErrorCode.MODEL_TIMEOUT),
    "a stall before the first token": (Fault.stall(0), ErrorCode.MODEL_TIMEOUT),
    "a stall between tokens": (Fault.stall(2), ErrorCode.MODEL_TIMEOUT),
    "an error in the stream": (
        Fault.error_event({"error": {"message": _RAW, "code": 500}}, after=2),
        ErrorCode.MODEL_UNAVAILABLE,
    ),
}


async def check_llm_client(make_client: MakeClient) -> None:
    """Run every check on clients that `make_client` gives for a base URL, one a check.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    for check in LLM_CLIENT_CHECKS.values():
        await check(make_client)


def question(text: str = "Is anything lost?") -> LLMRequest:
    """A request with one user message."""
    return LLMRequest(messages=[Message(role="user", content=text)], max_tokens=64)


async def collect(client: LLMClient, request: LLMRequest | None = None) -> list[Delta]:
    """All deltas of one reply."""
    async with aclosing(client.stream(request or question())) as deltas:
        return [delta async for delta in deltas]


async def failure(client: LLMClient) -> ModelError:
    """The error one reply ends in.

    Raises:
        AssertionError: it ended well.
    """
    try:
        await collect(client)
    except ModelError as exc:
        return exc
    msg = "a reply that is not whole was taken for whole"
    raise AssertionError(msg)


@asynccontextmanager
async def _scripted(
    make_client: MakeClient, script: Script
) -> AsyncGenerator[tuple[LLMClient, ScriptedModelServer], None]:
    async with asyncio.timeout(_LIMIT_S), ScriptedModelServer(script) as server:
        client = make_client(server.url)
        try:
            yield client, server
        finally:
            await client.aclose()


def _demand(holds: bool, promise: str) -> None:  # noqa: FBT001 - reads as a sentence
    if not holds:
        raise AssertionError(promise)


async def _check_text(make_client: MakeClient) -> None:
    async with _scripted(make_client, Reply(_TEXT, usage=(7, 5))) as (client, _):
        deltas = await collect(client)
    _demand("".join(d.text for d in deltas) == _TEXT, "the text is not what the model sent")
    _demand(not any(d.reasoning for d in deltas), "text was taken for reasoning")
    last = Delta(usage=Usage(prompt_tokens=7, completion_tokens=5), finish_reason=FinishReason.STOP)
    _demand(deltas[-1] == last, f"the last delta is {deltas[-1]}, not {last}")
    early = [d for d in deltas[:-1] if d.usage or d.finish_reason]
    _demand(not early, f"usage or finish reason came before the end: {early}")


async def _check_reasoning(make_client: MakeClient) -> None:
    async with _scripted(make_client, Reply("Yes.", reasoning="It may be so.")) as (client, _):
        deltas = await collect(client)
    told = ("".join(d.reasoning for d in deltas), "".join(d.text for d in deltas))
    _demand(told == ("It may be so.", "Yes."), f"reasoning and text came as {told}")


async def _check_estimate(make_client: MakeClient) -> None:
    reply = Reply(_TEXT, reports_usage=False, finish_reason="length", sends_done=False)
    async with _scripted(make_client, reply) as (client, _):
        last = (await collect(client))[-1]
    _demand(last.finish_reason is FinishReason.LENGTH, "the finish reason is lost")
    estimated = last.usage is not None and last.usage.estimated
    _demand(estimated, "usage that was not reported is not estimated, and marked so")


async def _check_json(make_client: MakeClient) -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"intent": {"type": "string"}}}
    request = LLMRequest(messages=question().messages, schema=schema)  # pyright: ignore[reportArgumentType]  # JSON is recursive
    async with _scripted(make_client, [Reply(json={"intent": "qa"}), Reply("[1]")]) as (
        client,
        server,
    ):
        answer, usage = await client.complete_json(request)
        _demand(answer == {"intent": "qa"}, f"the JSON came as {answer}")
        _demand(usage.completion_tokens > 0, "the usage of a JSON reply is lost")
        _demand(server.requests[0].chat.schema == schema, "the schema did not reach the model")
        try:
            await client.complete_json(request)
        except ModelProtocolError:
            return
    _demand(holds=False, promise="a reply that is no JSON object was taken for one")


def _fault_check(name: str) -> Callable[[MakeClient], Awaitable[None]]:
    fault, code = FAULTS[name]

    async def check(make_client: MakeClient) -> None:
        async with _scripted(make_client, Reply(fault=fault)) as (client, server):
            error = await failure(client)
            _demand(error.code is code, f"{name} is {error.code}, not {code}")
            said = str(error) + error.message
            _demand(_RAW not in said, f"{name}: the message holds what the endpoint wrote")
            for request in server.requests:
                await request.finished.wait()  # whatever it was doing, the client has hung up

    return check


async def _check_absent(make_client: MakeClient) -> None:
    async with ScriptedModelServer() as server:
        url = server.url
    client = make_client(url)
    async with asyncio.timeout(_LIMIT_S):
        error = await failure(client)
        await client.aclose()
    absent = error.code is ErrorCode.MODEL_UNAVAILABLE
    _demand(absent, f"an endpoint where nothing listens is {error.code}")


async def _check_retry(make_client: MakeClient) -> None:
    replies = [Reply(fault=Fault.http_status(503)), Reply(_TEXT)]
    async with _scripted(make_client, replies) as (client, server):
        text = "".join(d.text for d in await collect(client))
        _demand(text == _TEXT, "a reply after a retry is not what the model sent")
        _demand(len(server.requests) == len(replies), "a failed call was not tried once more")
    async with _scripted(make_client, [Reply(fault=Fault.cut(1)), Reply()]) as (client, server):
        await failure(client)
        once = len(server.requests) == 1
        _demand(once, "a call was tried again after its first token was given")


async def _check_leaving(make_client: MakeClient) -> None:
    script = [Reply(fault=Fault.stall(1)), Reply(fault=Fault.endless(), rate=100)]
    async with _scripted(make_client, script) as (client, server):
        for request_number in (1, 2):
            async with aclosing(client.stream(question())) as deltas:
                await anext(deltas)
            request = await server.wait_for_request(request_number)
            await request.disconnected.wait()


async def _check_cancelling(make_client: MakeClient) -> None:
    for fault in (Fault.mute(), Fault.stall(0), Fault.stall(2), Fault.endless()):
        reply = Reply(fault=fault, rate=100)
        async with _scripted(make_client, reply) as (client, server), asyncio.TaskGroup() as tasks:
            call = tasks.create_task(collect(client))
            request = await server.wait_for_request()
            call.cancel()
            await request.disconnected.wait()


async def _check_apart(make_client: MakeClient) -> None:
    def echo(request: ChatRequest) -> Reply:
        return Reply(request.contents[-1] * 20)

    async with _scripted(make_client, echo) as (client, _), asyncio.TaskGroup() as tasks:
        questions = [f"call {number} " for number in range(_STREAMS_AT_ONCE)]
        calls = [tasks.create_task(collect(client, question(text))) for text in questions]
    for text, call in zip(questions, calls, strict=True):
        got = "".join(d.text for d in call.result())
        _demand(got == text * 20, f"of two calls at once, one got {got[:40]!r}")


LLM_CLIENT_CHECKS: Final[Mapping[str, Callable[[MakeClient], Awaitable[None]]]] = {
    "text, finish reason and usage": _check_text,
    "reasoning": _check_reasoning,
    "usage that is not reported": _check_estimate,
    "JSON": _check_json,
    "an absent endpoint": _check_absent,
    "retries": _check_retry,
    "leaving a stream": _check_leaving,
    "cancelling a call": _check_cancelling,
    "many calls at once": _check_apart,
    **{name: _fault_check(name) for name in FAULTS},
}
