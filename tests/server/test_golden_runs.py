"""Whole runs over real HTTP, byte for byte: the seed dialect, and the native events behind it.

What differs from run to run (ids, times, the hash of neither) is replaced by fixed text first.
`TAILRACE_WRITE_GOLDEN=1` writes the files anew; look at the difference before you keep it.
"""

import asyncio
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tailrace.testing.agents import PLAN
from tailrace.testing.model_script import Fault, Reply, Script, classify_as
from tailrace.wire.sse import SSEDecoder

GOLDEN = Path(__file__).parent / "golden"
QUESTION = "What is the budget of the harbour plan?"


class Pace:
    """Lets the model send its next chunk once the viewer has the one before it."""

    def __init__(self) -> None:
        self._seen = 0
        self._grew = asyncio.Condition()

    async def before_chunk(self, sent: int) -> None:
        async with self._grew:
            await self._grew.wait_for(lambda: self._seen >= sent)

    async def saw(self, chunks: int) -> None:
        async with self._grew:
            self._seen += chunks
            self._grew.notify_all()


@dataclass
class Case:
    intent: str
    reply: Reply
    query: str = QUESTION
    interrupt_after: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict[str, str])


CASES = {
    "answer": Case("qa_analysis", Reply(chunks=["The budget ", "is 40,000 euros — ", "yes."])),
    "simple_chat": Case("simple_chat", Reply(chunks=["Hello ", "you."]), query="Hi there!"),
    "insufficient_context": Case(
        "qa_analysis", Reply(), query="Who won the football championship of Brazil in 1998?"
    ),
    "failing_model": Case(
        "qa_analysis", Reply(chunks=["The ", "budget ", "is"], fault=Fault.cut(2))
    ),
    "interrupt": Case(
        "qa_analysis", Reply(chunks=["One ", "two ", "three"], fault=Fault.stall(2)),
        interrupt_after=2,
    ),
}


def script_of(case: Case, pace: Pace) -> Script:
    reply = Reply(
        chunks=case.reply.chunks,
        text=case.reply.text,
        fault=case.reply.fault,
        before_chunk=pace.before_chunk,
        usage=(100, 7),
    )
    return classify_as(case.intent, reply)


def normal(wire: bytes, run_id: str) -> bytes:
    text = wire.decode().replace(run_id, "<run_id>")
    text = re.sub(r'"timestamp":"[^"]*"', '"timestamp":"<time>"', text)
    text = re.sub(r'"session_id":"[^"]*"', '"session_id":"<session_id>"', text)
    text = re.sub(r'"seconds":\{[^}]*\}', '"seconds":"<seconds>"', text)
    text = re.sub(r'"score":[-+0-9.e]+', '"score":"<score>"', text)
    return text.encode()


@pytest.mark.parametrize("name", CASES)
async def test_a_run_gives_the_golden_bytes_in_both_dialects(tmp_path: Path, name: str) -> None:
    case, pace = CASES[name], Pace()
    wire = b""
    async with asyncio.timeout(50), golden_server(tmp_path, script_of(case, pace)) as client:
        created = await client.post("/api/agent/chat/conversations", json={"page_name": "home"})
        body = {"query": case.query, "conversation_id": created.json()["id"]}
        decoder, chunks, message_id = SSEDecoder(), 0, None
        async with client.stream("POST", "/api/agent/chat/stream", json=body) as response:
            run_id = response.headers["x-run-id"]
            async for data in response.aiter_raw():
                wire += data
                frames = [json.loads(frame.data) for frame in decoder.feed(data)]
                new = sum(frame["type"] == "stream_chunk" for frame in frames)
                message_id = message_id or frames[0].get("assistant_message_id")
                chunks += new
                await pace.saw(new)
                if new and chunks == case.interrupt_after:
                    answer = await client.post(f"/api/agent/chat/messages/{message_id}/interrupt")
                    assert answer.json() == {"message_id": str(message_id)}
        native = (await client.get(f"/api/agent/runs/{run_id}/events")).content
        listed = (await client.get(f"/api/agent/chat/conversations/{body['conversation_id']}/messages")).json()
    check_golden(f"{name}.seed.sse", normal(wire, run_id))
    check_golden(f"{name}.native.sse", normal(native, run_id))
    check_stored(name, listed)


def check_golden(name: str, found: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("TAILRACE_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(found)
    assert found.decode() == path.read_bytes().decode()
