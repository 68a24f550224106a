"""Which model is spoken to: the one the settings name, and no other."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from tailrace.errors import InvalidRequestError, ModelRejectedError, ModelUnavailableError
from tailrace.llm.base import LLMClient, LLMRequest, Message, ModelInfo
from tailrace.llm.library import ModelLibrary
from tailrace.llm.registry import open_library, open_llm
from tailrace.settings import Settings
from tailrace.testing.file_server import FileServer, Served
from tailrace.testing.model_server import ScriptedModelServer

REQUEST = LLMRequest(messages=[Message("user", "Hello")])


async def answer(client: LLMClient) -> str:
    try:
        async with asyncio.timeout(20), aclosing(client.stream(REQUEST)) as deltas:
            return "".join([delta.text async for delta in deltas])
    finally:
        await client.aclose()


async def test_a_named_model_is_asked_for_by_its_name() -> None:
    async with ScriptedModelServer() as server:
        client = open_llm(Settings(llm_url=server.url, llm_model="mine"))
        assert client.info == ModelInfo(name="mine")
        assert await answer(client) == "A scripted answer."
        assert server.requests[0].chat.body["model"] == "mine"


async def test_where_no_model_is_named_the_endpoint_is_asked_for_its_first() -> None:
    async with ScriptedModelServer() as server:
        client = open_llm(Settings(llm_url=server.url))
        assert client.info == ModelInfo(name="default")
        assert await answer(client) == "A scripted answer."
        assert client.info == ModelInfo(name="scripted")


@pytest.mark.parametrize(
    ("listing", "name"),
    [
        (b'{"data": [{"id": "nomic-embed-text"}, {"id": "chat"}]}', "chat"),
        (b'{"data": []}', "default"),
        (b"<html>", "default"),
        (None, "default"),
    ],
    ids=["embeddings first", "none", "no JSON", "no such route"],
)
async def test_an_endpoint_that_names_no_model_is_taken_to_have_one(
    listing: bytes | None, name: str
) -> None:
    async with FileServer() as server:
        if listing is not None:
            server.files["/v1/models"] = Served(listing, "application/json")
        client = open_llm(Settings(llm_url=server.url))
        with pytest.raises(ModelRejectedError):  # it has no chat route
            await answer(client)
        assert client.info == ModelInfo(name=name)


async def test_an_endpoint_that_is_not_there_is_said_so() -> None:
    with pytest.raises(ModelUnavailableError, match="cannot be reached"):
        await answer(open_llm(Settings(llm_url="http://127.0.0.1:1")))


def test_a_url_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequestError, match="cannot be used"):
        open_llm(Settings(llm_url="127.0.0.1:11434"))


def test_without_a_url_the_model_is_embedded(tmp_path: Path, tiny_library: ModelLibrary) -> None:
    settings = Settings(models_folder=tmp_path)
    assert open_library(settings).cache == tmp_path
    assert open_llm(settings).info is None
    info = open_llm(Settings(llm_model="tiny"), tiny_library).info
    assert info is not None
    assert (info.name, info.embedded, info.smoke_test_only) == ("tiny", True, True)
