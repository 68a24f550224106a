"""The same commands where a server has the home: everything goes through HTTP."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer

if TYPE_CHECKING:
    from conftest import Tailrace

pytestmark = pytest.mark.timeout(180)  # each of many commands takes a second of a slow machine

QUESTION = "When does the mill open?"
ANSWER = "It opens at **nine** and closes at five."


async def test_a_served_home_is_asked_over_http(tailrace: "Tailrace", documents: Path) -> None:
    async with ScriptedModelServer(classify_as("qa_analysis", Reply(text=ANSWER))) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving():
            tailrace.set(HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")
            asked = await tailrace("ask", "--docs", str(documents), QUESTION)
            refused = await tailrace("ask", "What is the capital of Mongolia?")
            again = await tailrace("serve", "--port", "0")
    assert (asked.code, asked.out) == (0, ANSWER + "\n")
    assert "1 skipped: " in asked.err
    assert refused.code == 3
    assert again.code == 1
    assert "a server already runs on" in again.err


async def test_a_served_run_is_listed_shown_and_watched_over_http(
    tailrace: "Tailrace", documents: Path
) -> None:
    async with ScriptedModelServer(classify_as("qa_analysis", Reply(text=ANSWER))) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        await tailrace("ask", "--docs", str(documents), QUESTION)
        async with tailrace.serving():
            run = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)
            shown = await tailrace("runs", "show", run["run_id"])
            whole = await tailrace("runs", "watch", run["run_id"], "--json")
            last = f"1-{run['last_seq']}"
            ended = await tailrace("runs", "watch", run["run_id"], "--after", last)
            rest = await tailrace("runs", "watch", run["run_id"], "--after", "1-3", "--json")
    assert run["outcome"] == "answered"
    assert shown.out == ANSWER + "\n"
    assert (whole.code, rest.code, ended.code, ended.out) == (0, 0, 0, "")
    assert rest.out.splitlines() == whole.out.splitlines()[3:]


async def test_ctrl_c_cancels_the_run_on_the_server(tailrace: "Tailrace", documents: Path) -> None:
    stalled = Reply(chunks=["It opens ", "at nine."], fault=Fault.stall(after=1))
    async with ScriptedModelServer(classify_as("qa_analysis", stalled)) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving():
            await tailrace("docs", "add", str(documents))
            process = await tailrace.start("ask", QUESTION)
            before = await tailrace.read_until(process, lambda text: "It opens " in text)
            process.send_signal(signal.SIGINT)
            done = await tailrace.ended(process)
            runs = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)
    assert (done.code, before + done.out) == (130, "It opens \n")
    assert (runs["state"], runs["outcome"]) == ("cancelled", "cancelled")


async def test_runs_cancel_ends_what_another_terminal_asks(
    tailrace: "Tailrace", documents: Path
) -> None:
    stalled = Reply(chunks=["It opens ", "at nine."], fault=Fault.stall(after=1))
    async with ScriptedModelServer(classify_as("qa_analysis", stalled)) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving():
            await tailrace("docs", "add", str(documents))
            process = await tailrace.start("ask", QUESTION)
            await tailrace.read_until(process, lambda text: "It opens " in text)
            run_id = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)["run_id"]
            cancelled = await tailrace("runs", "cancel", run_id)
            done = await tailrace.ended(process)
            unknown = await tailrace("runs", "cancel", "01aaaaaaaaaaaaaaaaaaaaaaaa")
    assert (cancelled.code, cancelled.out) == (0, f"{run_id}: cancelled\n")
    assert done.code == 130
    assert unknown.code == 1
    assert unknown.err.startswith("error: ")


async def test_a_server_killed_in_mid_answer_leaves_an_answer_marked_incomplete(
    tailrace: "Tailrace", documents: Path
) -> None:
    stalled = Reply(chunks=["It opens ", "at nine."], fault=Fault.stall(after=1))
    async with ScriptedModelServer(classify_as("qa_analysis", stalled)) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving() as server:
            await tailrace("docs", "add", str(documents))
            process = await tailrace.start("ask", QUESTION)
            before = await tailrace.read_until(process, lambda text: "It opens " in text)
            server.kill()
            done = await tailrace.ended(process)
    assert (done.code, before + done.out) == (1, "It opens \n")
    assert "incomplete: the stream ended without the event that ends a run" in done.err


async def test_a_server_started_again_begins_the_answer_that_was_cut_anew(
    tailrace: "Tailrace", documents: Path
) -> None:
    stalled = Reply(chunks=["It opens ", "at nine."], fault=Fault.stall(after=1))
    whole = Reply("It opens at nine.")
    async with (
        ScriptedModelServer(classify_as("qa_analysis", stalled)) as model,
        ScriptedModelServer(classify_as("qa_analysis", whole)) as next_model,
    ):
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving() as server:
            await tailrace("docs", "add", str(documents))
            process = await tailrace.start("ask", QUESTION)
            before = await tailrace.read_until(process, lambda text: "It opens " in text)
            server.kill()
            await server.wait()
            tailrace.set(TAILRACE_LLM_URL=next_model.url)
            async with tailrace.serving():
                done = await tailrace.ended(process)
    assert (done.code, before + done.out) == (0, "It opens \nIt opens at nine.\n")


async def test_a_folder_removed_over_http_is_forgotten_and_stays_away(
    tailrace: "Tailrace", documents: Path
) -> None:
    await tailrace("docs", "add", str(documents))
    async with tailrace.serving():
        removed = await tailrace("docs", "remove", str(documents))
        unknown = await tailrace("docs", "remove", str(documents))
    listed = await tailrace("docs", "list")
    async with tailrace.serving():
        rescanned = await tailrace("docs", "list")
    assert (removed.out, removed.code) == ("2 removed\n", 0)  # one of them could not be read
    assert unknown.code == 1
    assert (listed.out, rescanned.out) == ("", "")
