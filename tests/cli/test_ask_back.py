"""A run that asks back, at a real terminal: asked, answered, left, taken up again."""

import asyncio
import os
import pty
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from tailrace.cli.asking import TypedLines
from tailrace.testing.model_script import Reply, ask_back
from tailrace.testing.model_server import ScriptedModelServer

if TYPE_CHECKING:
    from conftest import Tailrace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")

VAGUE = "Do it like the other one"
ASKED = "Which mill do you mean?"
TOLD = "The upper mill"
ANSWER = "It opens at nine."
SCRIPT = ask_back(ASKED, "qa_analysis", Reply(ANSWER))


class Terminal:
    """What a person sees and types."""

    def __init__(self, process: Process, file: int) -> None:
        self.process = process
        self.seen = ""
        self._file = file

    async def until(self, text: str) -> None:
        """Return once `text` has been shown."""
        async with asyncio.timeout(45):
            while text not in self.seen:
                piece = await self._read()
                assert piece, f"the command ended after {self.seen!r}"
                self.seen += piece

    async def ended(self) -> int:
        """The exit code, once the command has ended; what it said last is seen."""
        async with asyncio.timeout(45):
            while piece := await self._read():
                self.seen += piece
            return await self.process.wait()

    def type(self, text: str) -> None:
        """Type `text`, as it is: Enter is a line feed, and Ctrl-D the end."""
        os.write(self._file, text.encode())

    async def _read(self) -> str:
        """What is shown next; nothing once the command has ended."""
        ready = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._file, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._file)
        try:
            return os.read(self._file, 65_536).decode(errors="ignore")
        except OSError:  # how Linux says that nobody holds the other end
            return ""


@asynccontextmanager
async def at_terminal(
    tailrace: "Tailrace", *arguments: str, piped: bool = False
) -> AsyncGenerator[Terminal, None]:
    """The command at a terminal of its own; `piped`: but for stdout."""
    ours, theirs = pty.openpty()
    process = await tailrace.start(
        *arguments, stdin=theirs, stdout=PIPE if piped else theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)


async def test_a_person_at_a_terminal_is_asked_back_and_the_answer_counts(
    tailrace: "Tailrace", documents: Path
) -> None:
    async with ScriptedModelServer(SCRIPT) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with at_terminal(tailrace, "ask", "--docs", str(documents), VAGUE) as terminal:
            await terminal.until(f"? {ASKED}")
            terminal.type("\n")
            await terminal.until(f"? {ASKED}")
            terminal.type(f"{TOLD}\n")
            assert await terminal.ended() == 0
        told = model.requests[-1].chat.text
    assert ANSWER in terminal.seen
    assert told.index(VAGUE) < told.index(ASKED) < told.index(TOLD)


async def test_the_question_is_no_part_of_an_answer_that_goes_into_a_pipe(
    tailrace: "Tailrace", documents: Path
) -> None:
    async with ScriptedModelServer(SCRIPT) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        command = ("ask", "--docs", str(documents), VAGUE)
        async with at_terminal(tailrace, *command, piped=True) as terminal:
            await terminal.until(f"? {ASKED}")
            terminal.type(f"{TOLD}\n")
            assert terminal.process.stdout is not None
            answer = await terminal.process.stdout.read()
            assert await terminal.ended() == 0
    assert answer.decode() == ANSWER + "\n"


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["no terminal", "for a program"])
async def test_whoever_cannot_answer_gets_the_question_as_the_answer(
    tailrace: "Tailrace", arguments: tuple[str, ...]
) -> None:
    async with ScriptedModelServer(SCRIPT) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        if arguments:
            async with at_terminal(tailrace, "ask", *arguments, VAGUE) as terminal:
                assert await terminal.ended() == 0
            assert '"input_required"' not in terminal.seen
        else:
            done = await tailrace("ask", VAGUE)
            assert (done.code, done.out) == (0, ASKED + "\n")


async def test_ctrl_c_at_the_question_ends_the_run_without_another_key(
    tailrace: "Tailrace",
) -> None:
    async with ScriptedModelServer(SCRIPT) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with at_terminal(tailrace, "ask", VAGUE) as terminal:
            await terminal.until(f"? {ASKED}")
            terminal.process.send_signal(signal.SIGINT)
            assert await terminal.ended() == 130
        run = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)
    assert run["state"] == "cancelled"


async def test_a_question_that_was_left_open_is_shown_and_can_be_answered_later(
    tailrace: "Tailrace", documents: Path
) -> None:
    async with ScriptedModelServer(SCRIPT) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with at_terminal(tailrace, "ask", "--docs", str(documents), VAGUE) as terminal:
            await terminal.until(f"? {ASKED}")
            terminal.type("\x04")
            assert await terminal.ended() == 1
        run = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)
        run_id = run["run_id"]
        assert f"tailrace runs watch {run_id}" in " ".join(terminal.seen.split())
        shown = await tailrace("runs", "show", run_id)
        facts = msgspec.json.decode((await tailrace("runs", "show", run_id, "--json")).out)
        unasked = await tailrace("runs", "watch", run_id)
        async with at_terminal(tailrace, "runs", "watch", run_id) as terminal:
            await terminal.until(f"? {ASKED}")
            terminal.type(f"{TOLD}\n")
            assert await terminal.ended() == 0
        async with at_terminal(tailrace, "runs", "watch", run_id) as replay:
            assert await replay.ended() == 0
    assert f"? {ASKED}" not in replay.seen
    assert run["state"] == "waiting"
    assert f"? {ASKED}" in shown.err
    assert "It waits for your answer until " in shown.err
    assert facts["input"]["question"] == ASKED
    assert unasked.code == 1
    assert "the run waits for an answer" in unasked.err
    assert ANSWER in terminal.seen


async def test_a_line_is_for_whoever_waits_for_it_when_it_comes() -> None:
    theirs, ours = os.pipe()
    lines = TypedLines(theirs)
    async with asyncio.timeout(20):
        left = asyncio.ensure_future(lines.next())
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
        waiting = asyncio.ensure_future(lines.next())
        os.write(ours, b"The upper mill\n")
        assert await waiting == "The upper mill\n"
        os.close(ours)
        assert await lines.next() is None
    os.close(theirs)


async def test_at_a_served_home_another_may_answer_first(tailrace: "Tailrace") -> None:
    async with ScriptedModelServer(ask_back(ASKED, "simple_chat", Reply(ANSWER))) as model:
        tailrace.set(TAILRACE_LLM_URL=model.url)
        async with tailrace.serving(), at_terminal(tailrace, "ask", VAGUE) as first:
            await first.until(f"? {ASKED}")
            run = msgspec.json.decode((await tailrace("runs", "list", "--json")).out)
            async with at_terminal(tailrace, "runs", "watch", run["run_id"]) as second:
                await second.until(f"? {ASKED}")
                second.type(f"{TOLD}\n")
                assert (await second.ended(), await first.ended()) == (0, 0)
    assert ANSWER in first.seen
    assert ANSWER in second.seen
