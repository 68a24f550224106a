"""A run whose model fails has one ending, the right code, nothing raw, and keeps its text."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tailrace.events.types import EventType, WorkflowStage
from tailrace.settings import Settings
from tailrace.state.state import Query
from tailrace.testing.model_script import ChatRequest, Fault, Reply, classify_as
from tailrace.testing.workbench import Transcript, Workbench, open_workbench

INTENT = WorkflowStage.INTENT_ANALYSIS
EXECUTION = WorkflowStage.EXECUTION
FAILED = WorkflowStage.FAILED

PLAN = "The budget of the lighthouse is 4,200 crowns. The keeper is Maren Holt."
QUESTION = Query(text="What is the budget of the lighthouse?")
IMPATIENT = Settings(
    model_retries=0,
    first_token_timeout_s=1.0,
    between_tokens_timeout_s=1.0,
    model_call_timeout_s=4.0,
)
AT_ONCE = {
    "500": (Fault.http_status(500), "model_unavailable"),
    "429": (Fault.http_status(429, retry_after="7"), "model_rate_limited"),
    "401": (Fault.http_status(401), "model_unauthorized"),
    "mute": (Fault.mute(), "model_timeout"),
    "too large": (Fault.context_exceeded(), "model_context_exceeded"),
}
UNREADABLE = {
    "garbage": (Fault.garbage(), "model_protocol"),
    "empty": (Fault.empty(), "model_protocol"),
    "reset": (Fault.refuse(), "model_protocol"),
    "web page": (Fault.wrong_content_type(), "model_protocol"),
}
MIDWAY = {
    "cut": (Fault.cut(3), "model_protocol"),
    "cut inside a chunk": (Fault.cut(3, inside_chunk=True), "model_protocol"),
    "garbage": (Fault.garbage(3), "model_protocol"),
    "stall": (Fault.stall(3), "model_timeout"),
}


async def _run(
    tmp_path: Path, script: Callable[[ChatRequest], Reply], settings: Settings = IMPATIENT
) -> tuple[Transcript, Workbench]:
    async with (
        asyncio.timeout(20),
        open_workbench(tmp_path, script, settings=settings) as bench,
    ):
        await bench.add({"plan.md": PLAN})
        return await bench.run(QUESTION), bench


def _classifying(fault: Fault) -> Callable[[ChatRequest], Reply]:
    def choose(request: ChatRequest) -> Reply:
        return Reply(fault=fault) if request.schema is not None else Reply(text="An answer.")

    return choose


def _answering(reply: Reply) -> Callable[[ChatRequest], Reply]:
    script = classify_as("qa_analysis", reply)
    assert callable(script)
    return script


def _assert_failed(run: Transcript, stage: WorkflowStage, code: str) -> None:
    assert run.shape[-2:] == [(EventType.FAIL, stage), (EventType.FAIL, FAILED)]
    assert sum(event.is_terminal for event in run.events) == 1
    assert (run.outcome, run.error_code) == ("failed", code)
    assert not any(b"raw text" in event.to_json_bytes() for event in run.events)


@pytest.mark.parametrize(("fault", "code"), AT_ONCE.values(), ids=AT_ONCE)
async def test_a_model_that_fails_while_it_classifies_fails_the_run(
    fault: Fault, code: str, tmp_path: Path
) -> None:
    run, _ = await _run(tmp_path, _classifying(fault))
    _assert_failed(run, INTENT, code)
    assert run.fold.text == ""


@pytest.mark.parametrize(
    "fault",
    [*(fault for fault, _ in UNREADABLE.values()), Fault.cut(1)],
    ids=[*UNREADABLE, "cut"],
)
async def test_an_unreadable_classification_is_taken_as_a_question(
    fault: Fault, tmp_path: Path
) -> None:
    run, _ = await _run(tmp_path, _classifying(fault))
    assert (run.fold.text, run.outcome) == ("An answer.", "answered")


@pytest.mark.parametrize(
    ("fault", "code"),
    (AT_ONCE | UNREADABLE).values(),
    ids=AT_ONCE | UNREADABLE,
)
async def test_a_model_that_fails_before_its_answer_fails_the_run(
    fault: Fault, code: str, tmp_path: Path
) -> None:
    run, _ = await _run(tmp_path, _answering(Reply(fault=fault)))
    _assert_failed(run, EXECUTION, code)
    assert run.fold.text == ""


@pytest.mark.parametrize(("fault", "code"), MIDWAY.values(), ids=MIDWAY)
async def test_the_partial_answer_of_a_model_that_fails_midway_is_kept(
    fault: Fault, code: str, tmp_path: Path
) -> None:
    run, bench = await _run(tmp_path, _answering(Reply(text="one two three four", fault=fault)))
    _assert_failed(run, EXECUTION, code)
    assert run.fold.text == "one two three "
    usage = run.ending.metadata["usage"]
    assert isinstance(usage, dict)
    assert (usage["calls"], usage["source"], usage["partial"]) == (2, "estimated", True)
    assert len(bench.server.requests) == 2


async def test_when_to_try_again_is_told(tmp_path: Path) -> None:
    run, _ = await _run(tmp_path, _answering(Reply(fault=Fault.http_status(429, retry_after="7"))))
    error = run.ending.metadata["error"]
    assert isinstance(error, dict)
    assert (error["retryable"], error["retry_after_s"]) == (True, 7.0)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply(chunks=[]), "model_protocol"),
        (Reply(text="  \n "), "model_protocol"),
        (Reply(chunks=[], reasoning="hm hm", finish_reason="length"), "model_protocol"),
        (Reply(chunks=[], finish_reason="content_filter"), "model_rejected"),
    ],
    ids=["nothing", "white space", "only reasoning", "withheld"],
)
async def test_an_answer_of_nothing_is_a_failure(reply: Reply, code: str, tmp_path: Path) -> None:
    run, _ = await _run(tmp_path, _answering(reply))
    _assert_failed(run, EXECUTION, code)


async def test_an_endless_model_is_stopped_and_its_text_kept(tmp_path: Path) -> None:
    settings = Settings(max_answer_tokens=50)
    script = _answering(Reply(text="tick tock ", fault=Fault.endless()))
    async with (
        asyncio.timeout(20),
        open_workbench(tmp_path, script, settings=settings) as bench,
    ):
        await bench.add({"plan.md": PLAN})
        run = await bench.run(QUESTION)
        await bench.server.requests[-1].disconnected.wait()
    _assert_failed(run, EXECUTION, "limit_exceeded")
    assert run.fold.text.startswith("tick tock tick ")
    assert len(run.fold.text) <= 51 * 6


@pytest.mark.parametrize("sign", ["x", "ü", "漢", "😀"])
async def test_an_enormous_answer_is_cut_at_its_limit_in_bytes(sign: str, tmp_path: Path) -> None:
    settings = Settings(max_answer_bytes=1_001)
    run, _ = await _run(tmp_path, _answering(Reply(chunks=["start ", sign * 5_000])), settings)
    _assert_failed(run, EXECUTION, "limit_exceeded")
    size_bytes = len(run.fold.text.encode())
    assert run.fold.text.startswith(f"start {sign}")
    assert 1_001 - len(sign.encode()) < size_bytes <= 1_001


async def test_a_run_that_takes_too_long_ends_with_its_partial_text(tmp_path: Path) -> None:
    script = _answering(Reply(text="one two three four", fault=Fault.stall(2)))
    run, _ = await _run(tmp_path, script, Settings(run_timeout_s=2.0))
    assert (run.outcome, run.error_code) == ("failed", "limit_exceeded")
    assert run.fold.text == "one two "
