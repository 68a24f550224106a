"""Every embedder keeps the contract; the one on this machine knows what its texts mean."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from tailrace.errors import (
    InvalidRequestError,
    ModelProtocolError,
    ModelRateLimitedError,
    ModelRejectedError,
    ModelUnavailableError,
)
from tailrace.llm.embedding import Embedder
from tailrace.llm.embeddings_endpoint import MAX_TEXTS, EndpointEmbedder, embeddings_url
from tailrace.llm.minilm.embedder import MiniLMEmbedder
from tailrace.llm.minilm.model import is_installed
from tailrace.llm.registry import open_embedder
from tailrace.llm.retry import RetryPolicy
from tailrace.settings import Settings
from tailrace.testing.embedders import CHECKS, WordEmbedder
from tailrace.testing.embedding_server import EmbeddingServer, Reply

needs_minilm = pytest.mark.skipif(not is_installed(), reason="without the extra `vectors`")


@pytest.fixture
async def minilm() -> AsyncGenerator[MiniLMEmbedder]:
    embedder = MiniLMEmbedder()
    yield embedder
    await embedder.aclose()


async def no_wait(seconds: float) -> None:
    del seconds


def embedder_at(url: str, *, key: str = "") -> EndpointEmbedder:
    return EndpointEmbedder(
        url=embeddings_url(url),
        model="m",
        api_key=key,
        retries=RetryPolicy(retries=2, sleep=no_wait),
        trust_env=False,
    )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_words_keep_the_contract(check: Callable[[Embedder], Awaitable[None]]) -> None:
    await check(WordEmbedder())


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
async def test_an_endpoint_keeps_the_contract(
    check: Callable[[Embedder], Awaitable[None]],
) -> None:
    async with EmbeddingServer() as server:
        embedder = embedder_at(server.url)
        await check(embedder)
        await embedder.aclose()


@needs_minilm
async def test_minilm_keeps_the_contract_and_its_child_is_started_again(
    minilm: MiniLMEmbedder,
) -> None:
    for check in CHECKS:  # with one model: loading it takes longer than all of them
        await check(minilm)
    vectors = await minilm.embed(
        ["How do I reset my password?", "Steps to recover account access", "The weather is nice"],
        query=True,
    )
    near = sum(a * b for a, b in zip(vectors[0], vectors[1], strict=True))
    far = sum(a * b for a, b in zip(vectors[0], vectors[2], strict=True))
    assert near == pytest.approx(0.553, abs=0.01)
    assert far < 0.1
    assert minilm.pid is not None
    os.kill(minilm.pid, 9)
    with pytest.raises(ModelUnavailableError) as failed:
        await minilm.embed(["b"])
    assert failed.value.retryable
    assert minilm.pid is None


async def test_many_texts_are_asked_for_a_few_at_a_time() -> None:
    async with EmbeddingServer() as server:
        embedder = embedder_at(server.url, key="secret")
        texts = [f"text number {number}" for number in range(2 * MAX_TEXTS + 1)]
        assert await embedder.embed(texts) == await WordEmbedder().embed(texts)
        assert [len(request) for request in server.requests] == [MAX_TEXTS, MAX_TEXTS, 1]
        assert all("authorization: bearer secret" in head.lower() for head in server.heads)
        await embedder.aclose()


async def test_an_endpoint_that_is_busy_is_asked_again_as_it_says() -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)

    busy = Reply(status=429, headers=("retry-after: 7",), body=b"slow down")
    async with EmbeddingServer(busy, Reply(status=503, body=b"")) as server:
        embedder = EndpointEmbedder(
            url=embeddings_url(server.url),
            model="m",
            retries=RetryPolicy(retries=2, sleep=wait, draw=lambda: 1.0),
            trust_env=False,
        )
        assert len(await embedder.embed(["a"])) == 1
        assert waited == [7.0, 1.0]
        server.replies.append(busy)
        with pytest.raises(ModelRateLimitedError):  # somebody waits: not again
            await embedder.embed(["a"], query=True)
        await embedder.aclose()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(status=401, body=b"no"), ModelRejectedError),
        (Reply(status=404, body=b"no"), ModelRejectedError),
        (Reply(status=422, body=b"no"), ModelRejectedError),
        (Reply(body=b"<html>"), ModelProtocolError),
        (Reply(body=b'{"data": []}'), ModelProtocolError),
        (Reply(body=b'{"data": [{"embedding": []}]}'), ModelProtocolError),
        (Reply(body=b'{"data": [{"embedding": [0, 0]}]}'), ModelProtocolError),
        (Reply(body=b'{"data": [{"index": 4, "embedding": [1]}]}'), ModelProtocolError),
    ],
)
async def test_an_answer_that_is_none_is_an_error_of_ours(
    reply: Reply, error: type[Exception]
) -> None:
    async with EmbeddingServer(reply) as server:
        embedder = embedder_at(server.url)
        with pytest.raises(error) as failed:
            await embedder.embed(["a"])
        assert "<html>" not in str(failed.value)
        assert len(server.requests) == 1
        await embedder.aclose()


async def test_an_endpoint_that_is_not_there_is_said_so() -> None:
    async with EmbeddingServer() as server:
        url = server.url
    embedder = embedder_at(url)
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        await embedder.embed(["a"])
    await embedder.aclose()


async def test_settings_choose_the_embedder() -> None:
    endpoint = open_embedder(
        Settings(embeddings_url="http://127.0.0.1:9/v1", embeddings_model="bge")
    )
    assert endpoint is not None
    assert endpoint.model == "bge at http://127.0.0.1:9"
    await endpoint.aclose()
    with pytest.raises(InvalidRequestError, match="TAILRACE_EMBEDDINGS_MODEL"):
        open_embedder(Settings(embeddings_url="http://127.0.0.1:9/v1"))
    with pytest.raises(InvalidRequestError, match="cannot be used"):
        open_embedder(Settings(embeddings_url="ftp://here", embeddings_model="bge"))
