"""A JSON reply is waited for only as long as it can still become one."""

import asyncio

import pytest

from tailrace.errors import ModelProtocolError
from tailrace.llm.base import LLMRequest, Message
from tailrace.llm.openai_compatible import OpenAICompatibleClient
from tailrace.testing.model_script import Fault, Reply
from tailrace.testing.model_server import ScriptedModelServer

REQUEST = LLMRequest(messages=[Message("user", "Which kind?")], schema={"type": "object"})


async def test_endless_prose_instead_of_json_is_left_at_once() -> None:
    prose = Reply(chunks=["and so ", "on, "], fault=Fault.endless())
    async with asyncio.timeout(20), ScriptedModelServer(prose) as model:
        client = OpenAICompatibleClient(base_url=model.url, model="scripted")
        with pytest.raises(ModelProtocolError, match="prose"):
            await client.complete_json(REQUEST)
        await model.requests[0].disconnected.wait()
        await client.aclose()


async def test_a_short_preface_does_not_spoil_the_object() -> None:
    wordy = Reply(text='Here it is, as you asked for it: {"type": "qa_analysis"}')
    async with asyncio.timeout(20), ScriptedModelServer(wordy) as model:
        client = OpenAICompatibleClient(base_url=model.url, model="scripted")
        answer, usage = await client.complete_json(REQUEST)
        await client.aclose()
    assert answer == {"type": "qa_analysis"}
    assert usage.completion_tokens > 0
