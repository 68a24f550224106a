"""Whole runs over real HTTP, byte for byte: the seed dialect, and the native events behind it.

What differs from run to run (ids, times, the hash of neither) is replaced by fixed text first.
`TAILRACE_WRITE_GOLDEN=1` writes the files anew; look at the difference before you keep it.
"""

import asyncio
import json
import os
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest

from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import scripted_agent
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
    status: str = "completed"
    kept: str = ""


CASES = {
    "answer": Case(
        "qa_analysis",
        Reply(chunks=["The budget ", "is 40,000 euros — ", "yes."]),
        kept="The budget is 40,000 euros — yes.",
    ),
    "simple_chat": Case(
        "simple_chat", Reply(chunks=["Hello ", "you."]), query="Hi there!", kept="Hello you."
    ),
    "insufficient_context": Case(
        "qa_analysis",
        Reply(),
        query="Who won the football championship of Brazil?",
        kept=(
            "I could not find this in your documents. I searched all 2 documents and found no "
            "passage about it. Try the words your documents use, or add the document that has it "
            "with `tailrace docs add PATH`."
        ),
    ),
    "failing_model": Case(
        "qa_analysis",
        Reply(chunks=["The ", "budget ", "is"], fault=Fault.cut(2)),
        status="failed",
        kept="The budget ",
    ),
    "interrupt": Case(
        "qa_analysis",
        Reply(chunks=["One ", "two ", "three"], fault=Fault.stall(2)),
        interrupt_after=2,
        status="cancelled",
        kept="One two ",
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
    text = re.sub(r"127\.0\.0\.1:[0-9]+", "<endpoint>", text)
    text = re.sub(r'"score":[-+0-9.e]+', '"score":"<score>"', text)
    return text.encode()


@asynccontextmanager
async def golden_server(home: Path, script: Script) -> AsyncGenerator[httpx2.AsyncClient]:
    settings = Settings(port=0, model_retries=0)
    async with (
        scripted_agent(home, script, settings=settings) as (agent, _),
        running(agent) as url,
        httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20) as client,
    ):
        yield client


async def interrupt(client: httpx2.AsyncClient, message_id: int) -> None:
    answer = await client.post(f"/api/agent/chat/messages/{message_id}/interrupt")
    assert answer.json() == {"message_id": str(message_id)}


@pytest.mark.parametrize("name", CASES)
async def test_a_run_gives_the_golden_bytes_in_both_dialects(tmp_path: Path, name: str) -> None:
    case, pace = CASES[name], Pace()
    wire, chunks, message_id = b"", 0, 0
    decoder = SSEDecoder()
    async with asyncio.timeout(50), golden_server(tmp_path, script_of(case, pace)) as client:
        created = await client.post("/api/agent/chat/conversations", json={"page_name": "home"})
        conversation_id = created.json()["id"]
        body = {"query": case.query, "conversation_id": conversation_id}
        async with client.stream("POST", "/api/agent/chat/stream", json=body) as response:
            run_id = response.headers["x-run-id"]
            async for data in response.aiter_raw():
                wire += data
                frames = [json.loads(frame.data) for frame in decoder.feed(data)]
                new = sum(frame["type"] == "stream_chunk" for frame in frames)
                if frames:
                    message_id = frames[0].get("assistant_message_id", message_id)
                chunks += new
                await pace.saw(new)
                if new and chunks == case.interrupt_after:
                    await interrupt(client, message_id)
        native = (await client.get(f"/api/agent/runs/{run_id}/events")).content
        path = f"/api/agent/chat/conversations/{conversation_id}/messages"
        answer = (await client.get(path)).json()[1]
    check_golden(f"{name}.seed.sse", normal(wire, run_id))
    check_golden(f"{name}.native.sse", normal(native, run_id))
    assert (answer["status"], answer["content"]) == (case.status, case.kept)
    assert set(json.loads(answer["metadata"])) >= {"running"}
    assert [thought["sequence"] for thought in answer["thinking"]] == [
        *range(1, len(answer["thinking"]) + 1)
    ]


def check_golden(name: str, found: bytes) -> None:
    path = GOLDEN / name
    if os.environ.get("TAILRACE_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(found)
    assert found.decode() == path.read_bytes().decode()
