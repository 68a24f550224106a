"""The embedded model, with a real one: its queue, its waits, its end, and its way back."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest

from tailrace.errors import ModelRateLimitedError, ModelUnavailableError
from tailrace.llm.base import Delta, FinishReason, LLMRequest, Message, ModelInfo, Wait, WaitKind
from tailrace.llm.embedded import EmbeddedClient
from tailrace.llm.library import ModelLibrary
from tailrace.llm.registry import open_llm
from tailrace.settings import Settings

ONE_THREAD = Settings(llm_model="tiny", model_threads=1)
QUEUED_FIRST = Wait(kind=WaitKind.QUEUE, position=1)
QUEUED_SECOND = Wait(kind=WaitKind.QUEUE, position=2)
LOADING = Wait(kind=WaitKind.LOADING)


def ask(text: str, *, max_tokens: int = 8) -> LLMRequest:
    return LLMRequest(messages=[Message("user", text)], max_tokens=max_tokens, temperature=0.0)


@pytest.fixture
async def embedded(tiny_library: ModelLibrary) -> AsyncGenerator[EmbeddedClient]:
    client = open_llm(ONE_THREAD, tiny_library)
    assert isinstance(client, EmbeddedClient)
    yield client
    async with asyncio.timeout(20):
        await client.aclose()


async def collect(client: EmbeddedClient, request: LLMRequest) -> list[Delta]:
    async with asyncio.timeout(50), aclosing(client.stream(request)) as deltas:
        return [delta async for delta in deltas]


async def skip_to_text(deltas: AsyncGenerator[Delta, None]) -> None:
    while not (await anext(deltas)).text:
        pass


async def exhaust(deltas: AsyncGenerator[Delta, None]) -> None:
    async for _ in deltas:
        pass


async def test_an_answer_is_loaded_for_read_for_and_then_streamed(
    embedded: EmbeddedClient,
) -> None:
    question = "Repeat: " + "the mill turns " * 60
    deltas = await collect(embedded, ask(question))
    waits = [delta.wait for delta in deltas if delta.wait]
    progress = [wait.progress for wait in waits[1:] if wait.progress is not None]
    assert waits[0] == LOADING
    assert {wait.kind for wait in waits[1:]} == {WaitKind.PREFILL}
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert "".join(delta.text for delta in deltas)
    assert deltas[-1].finish_reason in {FinishReason.STOP, FinishReason.LENGTH}
    assert deltas[-1].usage
    assert not deltas[-1].usage.estimated
    assert LOADING not in [delta.wait for delta in await collect(embedded, ask("Hello"))]


async def test_those_who_wait_are_told_their_place_as_it_changes(embedded: EmbeddedClient) -> None:
    async with (
        asyncio.timeout(50),
        aclosing(embedded.stream(ask("one"))) as first,
        aclosing(embedded.stream(ask("two"))) as second,
        aclosing(embedded.stream(ask("three"))) as third,
    ):
        assert (await anext(first)).wait == LOADING
        assert (await anext(second)).wait == QUEUED_FIRST
        assert (await anext(third)).wait == QUEUED_SECOND
        rest = [delta async for delta in first]
        assert rest[-1].finish_reason
        await skip_to_text(second)
        assert (await anext(third)).wait == QUEUED_FIRST
        await second.aclose()
        await skip_to_text(third)


async def test_who_leaves_the_queue_frees_its_place(embedded: EmbeddedClient) -> None:
    async with (
        asyncio.timeout(50),
        aclosing(embedded.stream(ask("one"))) as first,
        aclosing(embedded.stream(ask("two"))) as second,
        aclosing(embedded.stream(ask("three"))) as third,
    ):
        for stream in (first, second, third):
            await anext(stream)
        await second.aclose()
        assert (await anext(third)).wait == QUEUED_FIRST
        await first.aclose()
        await skip_to_text(third)


async def test_a_full_queue_refuses_the_next_call(tiny_library: ModelLibrary) -> None:
    def never(_url: str, _key: str, _model: str) -> EmbeddedClient:
        raise AssertionError

    client = EmbeddedClient(library=tiny_library, connect=never, model="tiny", max_waiting=0)
    async with asyncio.timeout(20), aclosing(client.stream(ask("one"))) as first:
        assert (await anext(first)).wait == LOADING
        with pytest.raises(ModelRateLimitedError):
            await anext(client.stream(ask("two")))
    await client.aclose()


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.skipif(sys.platform != "linux", reason="reads the child's CPU time from /proc")
async def test_leaving_while_the_prompt_is_read_stops_the_model(embedded: EmbeddedClient) -> None:
    question = "the mill turns and the water runs " * 800  # far longer to read than the timeout
    async with asyncio.timeout(30):
        async with aclosing(embedded.stream(ask(question))) as deltas:
            async for delta in deltas:
                if delta.wait and delta.wait.progress:
                    assert delta.wait.progress < 0.2
                    break
        assert embedded.pid
        used = -1
        while used < (used := cpu_ticks(embedded.pid)):  # noqa: ASYNC110 - nothing tells of idleness
            await asyncio.sleep(0.3)


async def test_a_killed_child_fails_the_call_and_the_next_one_gets_another(
    embedded: EmbeddedClient,
) -> None:
    async with asyncio.timeout(50):
        async with aclosing(embedded.stream(ask("Tell a long story.", max_tokens=500))) as deltas:
            await skip_to_text(deltas)
            killed = embedded.pid
            assert killed
            os.kill(killed, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
            with pytest.raises(ModelUnavailableError, match="ended while it answered") as failed:
                await exhaust(deltas)
            assert failed.value.retryable
        deltas = await collect(embedded, ask("Hello"))
        assert deltas[0].wait == LOADING
        assert deltas[-1].finish_reason
        assert embedded.pid not in {None, killed}


async def test_a_reply_obeys_its_schema(embedded: EmbeddedClient) -> None:
    request = LLMRequest(
        messages=[Message("user", "Is water wet? Answer in JSON.")],
        max_tokens=40,
        temperature=0.0,
        schema={
            "type": "object",
            "properties": {"answer": {"enum": ["yes", "no"]}},
            "required": ["answer"],
            "additionalProperties": False,
        },
    )
    async with asyncio.timeout(50):
        answer, usage = await embedded.complete_json(request)
    assert answer in [{"answer": "yes"}, {"answer": "no"}]
    assert usage.completion_tokens > 0


async def test_a_model_installed_meanwhile_is_found(
    tiny_library: ModelLibrary, tmp_path: Path
) -> None:
    library = ModelLibrary(tmp_path, hub_url="")
    client = open_llm(Settings(model_threads=1), library)
    assert isinstance(client, EmbeddedClient)
    assert client.info is None
    with pytest.raises(ModelUnavailableError, match=r"`tailrace models pull qwen2\.5-coder-1\.5b`"):
        await anext(client.stream(ask("Hello")))
    await library.pull("tiny", own=tiny_library.path("tiny"))
    assert client.info in [  # by how much memory there is
        ModelInfo(name="tiny", context_tokens=tokens, embedded=True, smoke_test_only=True)
        for tokens in (4096, 8192)
    ]
    try:
        assert (await collect(client, ask("Hello")))[-1].finish_reason
    finally:
        await client.aclose()


async def test_a_closed_client_leaves_no_process_and_takes_no_calls(
    embedded: EmbeddedClient,
) -> None:
    await collect(embedded, ask("Hello"))
    async with asyncio.timeout(20):
        await embedded.aclose()
    assert embedded.pid is None
    with pytest.raises(ModelUnavailableError, match="was closed"):
        await anext(embedded.stream(ask("Hello")))


async def test_without_its_runtime_there_is_no_model(
    embedded: EmbeddedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    assert embedded.info is None
    with pytest.raises(ModelUnavailableError, match="install the package 'xllamacpp'"):
        await anext(embedded.stream(ask("Hello")))


@pytest.mark.live
@pytest.mark.timeout(300)
async def test_the_default_model_answers_from_what_it_is_told(
    default_library: ModelLibrary,
) -> None:
    client = open_llm(Settings(), default_library)
    request = LLMRequest(
        messages=[
            Message("system", "Answer from the text in one short sentence."),
            Message("user", "Text: The mill was built in 1893 by Ada Moss.\n\nWho built the mill?"),
        ],
        max_tokens=60,
        temperature=0.0,
    )
    try:
        async with asyncio.timeout(200), aclosing(client.stream(request)) as deltas:
            answer = "".join([delta.text async for delta in deltas])
    finally:
        await client.aclose()
    assert client.info
    assert not client.info.smoke_test_only
    assert re.search("Ada Moss", answer)
