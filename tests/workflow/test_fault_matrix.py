"""Whatever a model does at whichever of its calls: one ending, in time, with the right code.

What was written before the fault is kept, and so is what it cost. `test_model_faults.py` has the
stories behind some of these.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from tailrace.events.ending import content_sha256
from tailrace.events.event import JSON
from tailrace.llm.base import Delta, LLMClient, LLMRequest, ModelInfo, Usage, Wait
from tailrace.llm.registry import open_llm
from tailrace.settings import Settings
from tailrace.state.state import Query, Sufficiency
from tailrace.testing.judging import judged_by
from tailrace.testing.model_script import ChatRequest, Fault, Reply, Script, classify_as
from tailrace.testing.workbench import Transcript, open_workbench

PLAN = "The budget of the lighthouse is 4,200 crowns. The keeper is Maren Holt."
QUESTION = Query(text="What is the budget of the lighthouse?")
WORDS = "one two three four"
PATIENT = Settings(model_retries=0, max_answer_tokens=200, max_answer_bytes=20_000)
HURRIED = msgspec.structs.replace(
    PATIENT,
    connect_timeout_s=0.5,
    first_token_timeout_s=0.5,
    between_tokens_timeout_s=0.5,
    model_call_timeout_s=5.0,
)
STAGES = {"classification": "", "chat": "simple_chat", "answer": "qa_analysis"}
"""The calls a run makes of its model, by the intent that leads to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to misbehave.

    Attributes:
        code: What the run fails with.
        kept: What is kept of an answer that this befalls.
        read: Whether a classification that this befalls may still be used, or do without.
    """

    reply: Reply
    code: str
    kept: str = ""
    read: bool = False
    settings: Settings = PATIENT


def faulty(fault: Fault, code: str, kept: str = "", *, read: bool = False) -> Case:
    return Case(reply=Reply(text=WORDS, fault=fault), code=code, kept=kept, read=read)


def slow(reply: Reply, kept: str = "") -> Case:
    return Case(reply=reply, code="model_timeout", kept=kept, settings=HURRIED)


async def seldom(sent: int) -> None:
    if sent:
        await asyncio.sleep(2.0)


CASES = {
    "no first token": slow(Reply(fault=Fault.mute())),
    "no next token": slow(Reply(text=WORDS, fault=Fault.stall(3)), "one two three "),
    "a token too seldom": slow(Reply(text=WORDS, before_chunk=seldom), "one "),
    "401": faulty(Fault.http_status(401), "model_unauthorized"),
    "404": faulty(Fault.http_status(404), "model_not_found"),
    "429": faulty(Fault.http_status(429), "model_rate_limited"),
    "429, try in 7 s": faulty(Fault.http_status(429, retry_after="7"), "model_rate_limited"),
    "500": faulty(Fault.http_status(500), "model_unavailable"),
    "cut": faulty(Fault.cut(3), "model_protocol", "one two three ", read=True),
    "cut inside a chunk": faulty(
        Fault.cut(3, inside_chunk=True), "model_protocol", "one two three ", read=True
    ),
    "garbage": faulty(Fault.garbage(), "model_protocol", read=True),
    "garbage midway": faulty(Fault.garbage(2), "model_protocol", "one two ", read=True),
    "a web page": faulty(Fault.wrong_content_type(), "model_protocol", read=True),
    "empty": faulty(Fault.empty(), "model_protocol", read=True),
    "reset": faulty(Fault.refuse(), "model_protocol", read=True),
    "endless": faulty(Fault.endless(), "limit_exceeded", "one two three four" * 3, read=True),
    "enormous": faulty(
        Fault.enormous(100_000, after=2), "limit_exceeded", "one two " + "x" * 1_000, read=True
    ),
}


class Moved:
    """An endpoint that is somewhere else once a question is classified."""

    def __init__(self, first: LLMClient, then: LLMClient) -> None:
        self._first = first
        self._then = then

    @property
    def info(self) -> ModelInfo | None:
        return self._first.info

    def stream(self, request: LLMRequest) -> AsyncGenerator[Delta, None]:
        return self._then.stream(request)

    async def complete_json(
        self, request: LLMRequest, on_wait: Callable[[Wait], Awaitable[None]] | None = None
    ) -> tuple[dict[str, JSON], Usage]:
        return await self._first.complete_json(request, on_wait)

    async def aclose(self) -> None:
        """Nothing: whoever made the two closes them."""


@asynccontextmanager
async def full_queue() -> AsyncGenerator[str]:
    """The URL of a server that accepts nobody, and whose queue is full: connecting hangs."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        with socket.create_connection(address):
            yield f"http://127.0.0.1:{address[1]}/v1"


def _script(stage: str, reply: Reply) -> Script:
    if stage != "classification":
        return classify_as(STAGES[stage], reply)

    def choose(request: ChatRequest) -> Reply:
        return Reply(text="An answer.") if request.schema is None else reply

    return choose


def _assert_ended_once(run: Transcript) -> None:
    assert [event.is_terminal for event in run.events].count(True) == 1
    assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))
    facts = run.ending.metadata
    assert facts["last_seq"] == len(run.events)
    assert facts["content_sha256"] == content_sha256(run.fold.text)
    assert not any(b"raw text" in event.to_json_bytes() for event in run.events)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_each_fault_at_each_call_ends_the_run_as_it_should(
    case: Case, stage: str, tmp_path: Path
) -> None:
    async with (
        asyncio.timeout(20),
        open_workbench(tmp_path, _script(stage, case.reply), settings=case.settings) as bench,
    ):
        await bench.add({"plan.md": PLAN})
        run = await bench.run(QUESTION)
    _assert_ended_once(run)
    if stage == "classification" and case.read:
        assert (run.outcome, run.error_code, run.fold.text) == ("answered", None, "An answer.")
        return
    assert (run.outcome, run.error_code) == ("failed", case.code)
    kept = "" if stage == "classification" else case.kept
    assert run.fold.text.startswith(kept)
    assert run.fold.text == kept or case.code == "limit_exceeded"
    usage = run.ending.metadata["usage"]
    assert isinstance(usage, dict)
    assert usage["partial"] is True
    if kept:
        assert (usage["calls"], usage["source"]) == (2, "estimated")


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_no_fault_of_a_judgement_keeps_a_person_from_an_answer(
    case: Case, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(case.settings, model_class="strong", context_timeout_s=3.0)
    script = judged_by(case.reply, Reply(text="An answer."))
    async with (
        asyncio.timeout(20),
        open_workbench(tmp_path, script, settings=settings) as bench,
    ):
        await bench.add({"plan.md": PLAN})
        run = await bench.run(QUESTION)
    _assert_ended_once(run)
    assert (run.outcome, run.error_code, run.fold.text) == ("answered", None, "An answer.")
    assert run.state.contexts.sufficiency is Sufficiency.PARTIAL
    told = [event for event in run.events if "could not say what is missing" in event.content]
    assert [event.metadata["code"] for event in told] == [
        "model_protocol" if case.code == "limit_exceeded" else case.code
    ]
    usage = run.ending.metadata["usage"]
    assert isinstance(usage, dict)
    assert usage["calls"] == 3


@pytest.mark.parametrize("stage", STAGES)
async def test_an_endpoint_that_takes_no_connection_fails_the_run(
    stage: str, tmp_path: Path
) -> None:
    async with (
        asyncio.timeout(20),
        full_queue() as url,
        open_workbench(tmp_path, _script(stage, Reply(text=WORDS)), settings=HURRIED) as bench,
    ):
        away = open_llm(msgspec.structs.replace(bench.settings, llm_url=url))
        first = away if stage == "classification" else bench.llm
        await bench.add({"plan.md": PLAN})
        run = await replace(bench, llm=Moved(first, away)).run(QUESTION)
        await away.aclose()
    _assert_ended_once(run)
    assert (run.outcome, run.error_code, run.fold.text) == ("failed", "model_timeout", "")
