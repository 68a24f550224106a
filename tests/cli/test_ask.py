"""`tailrace ask`, from the question to the exit code, as a person or a script sees it."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tailrace.events.event import StreamEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import Outcome
from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer

if TYPE_CHECKING:
    from conftest import Tailrace

QUESTION = "When does the mill open?"
ANSWER = "It opens at **nine** and closes at five."


def events_of(out: str) -> list[StreamEvent]:
    return [StreamEvent.from_json_bytes(line.encode()) for line in out.splitlines()]


async def test_stdout_has_the_answer_and_nothing_else(
    tailrace: "Tailrace", documents: Path
) -> None:
    async with ScriptedModelServer(classify_as("qa_analysis", Reply(text=ANSWER))) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        done = await tailrace("ask", "--docs", str(documents), "--", QUESTION)
    assert (done.code, done.out) == (0, ANSWER + "\n")
    assert "Documents: 1 added" in done.err
    assert "1 skipped: " in done.err
    assert "engine.bin" in done.err
    assert "[1] Opening hours, characters 0 to" in done.err
    assert "\nrests on [1]\n" in done.err
    assert "Answered (" in done.err


async def test_json_is_every_event_in_order_with_one_end(
    tailrace: "Tailrace", documents: Path
) -> None:
    async with ScriptedModelServer(classify_as("qa_analysis", Reply(text=ANSWER))) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        done = await tailrace("ask", "--json", "--docs", str(documents), QUESTION)
    assert done.code == 0
    events = events_of(done.out)
    receipt = Receipt()
    for event in events:
        receipt.take(event)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.is_terminal for event in events].index(True) == len(events) - 1
    assert (receipt.problems, receipt.outcome) == ([], Outcome.ANSWERED)
    assert receipt.fold.text == ANSWER


async def test_documents_that_do_not_say_exit_with_3(tailrace: "Tailrace", documents: Path) -> None:
    async with ScriptedModelServer(classify_as("qa_analysis")) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        done = await tailrace("ask", "--docs", str(documents), "What is the capital of Mongolia?")
    assert done.code == 3
    assert done.out.startswith("I could not find this in your documents.")
    assert "Your documents do not say enough" in done.err


async def test_a_model_that_fails_exits_with_1_and_keeps_what_came(
    tailrace: "Tailrace", documents: Path
) -> None:
    cut = Reply(chunks=["It opens ", "at nine."], fault=Fault.cut(after=1))
    async with ScriptedModelServer(classify_as("qa_analysis", cut)) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        done = await tailrace("ask", "--docs", str(documents), QUESTION)
    assert (done.code, done.out) == (1, "It opens \n")
    assert "Failed: " in done.err
    assert "Traceback" not in done.err


async def test_ctrl_c_keeps_the_partial_answer_and_cancels_the_run(
    tailrace: "Tailrace", documents: Path
) -> None:
    stalled = Reply(chunks=["It opens ", "at nine."], fault=Fault.stall(after=1))
    async with ScriptedModelServer(classify_as("qa_analysis", stalled)) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        process = await tailrace.start("ask", "--docs", str(documents), QUESTION)
        before = await tailrace.read_until(process, lambda text: "It opens " in text)
        process.send_signal(signal.SIGINT)
        done = await tailrace.ended(process)
    assert (done.code, before + done.out) == (130, "It opens \n")
    assert "Stopped; what was written is kept" in done.err
    runs = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)
    assert (runs["state"], runs["outcome"]) == ("cancelled", "cancelled")
    shown = await tailrace("runs", "show", runs["run_id"])
    assert shown.out == "It opens \n"


async def test_a_second_ctrl_c_leaves_once_the_stop_is_kept(
    tailrace: "Tailrace", documents: Path
) -> None:
    stalled = Reply(chunks=["It opens ", "at nine."], fault=Fault.stall(after=1))
    async with ScriptedModelServer(classify_as("qa_analysis", stalled)) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        process = await tailrace.start("ask", "--docs", str(documents), QUESTION)
        await tailrace.read_until(process, lambda text: "It opens " in text)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        done = await tailrace.ended(process)
        assert done.code == 130
    runs = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)
    assert (runs["state"], runs["outcome"]) == ("cancelled", "cancelled")


async def test_without_a_model_the_passages_are_shown_and_a_way_to_get_one(
    tailrace: "Tailrace", documents: Path
) -> None:
    done = await tailrace("ask", "--docs", str(documents), QUESTION)
    assert done.code == 0
    assert "The mill opens at nine" in done.out
    assert "`tailrace models pull qwen2.5-coder-1.5b` fetches one" in done.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask"], "Missing argument"),
        (["ask", "  "], "the question is empty"),
        (["nonsense"], "No such command"),
        (["runs", "watch", "01aaaaaaaaaaaaaaaaaaaaaaaa", "--after", "first"], "is not of the form"),
    ],
)
async def test_wrong_usage_exits_with_2_and_says_what(
    tailrace: "Tailrace", arguments: list[str], says: str
) -> None:
    done = await tailrace(*arguments)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err


async def test_a_conversation_that_is_not_there_is_one_line(tailrace: "Tailrace") -> None:
    tailrace.set(TAILRACE_LLM_URL="http://127.0.0.1:9/v1")
    done = await tailrace("ask", "--conversation", "77", QUESTION)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert len(done.err.splitlines()) == 1
