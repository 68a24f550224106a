"""A child process: it is spoken to, waited for, and started without a look back."""

import asyncio
import os
import subprocess
import sys

import pytest

from tailrace.wire.child_process import ChildProcess, close_pipes, start_child

ECHO = "import sys; sys.stdout.write(sys.stdin.readline().upper()); sys.exit(7)"
UNDER_UVLOOP = """
import asyncio, os, sys, uvloop
from tailrace.wire.child_process import close_pipes, start_child

os.register_at_fork(after_in_child=lambda: os.write(1, b"our code ran in the child, "))

async def main():
    child = await start_child(sys.executable, "-c", "print('said')", env=os.environ)
    said = await child.stdout.read()
    code = await child.wait()
    close_pipes(child)
    os.write(1, said + b"%d" % code)

uvloop.run(main())
"""


async def child_of(program: str, stderr: int = subprocess.DEVNULL) -> ChildProcess:
    return await start_child(sys.executable, "-c", program, env=os.environ, stderr=stderr)


async def test_it_reads_what_it_is_told_and_its_answer_and_end_are_heard() -> None:
    async with asyncio.timeout(30):
        child = await child_of(ECHO)
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"hello\n")
        await child.stdin.drain()
        assert await child.stdout.read() == b"HELLO\n"
        assert await child.wait() == 7
        close_pipes(child)
    assert child.returncode == 7
    with pytest.raises(ProcessLookupError):
        child.kill()


async def test_one_that_is_killed_is_gone_whatever_it_was_at() -> None:
    async with asyncio.timeout(30):
        child = await child_of("import sys; print('at it', flush=True); sys.stdin.read()")
        assert child.stdout is not None
        assert await child.stdout.readline() == b"at it\n"
        child.kill()
        assert await child.wait() == -9
        close_pipes(child)


async def test_its_errors_are_read_where_that_is_wanted() -> None:
    async with asyncio.timeout(30):
        child = await child_of("import sys; sys.stderr.write('no')", subprocess.PIPE)
        assert child.stderr is not None
        assert await child.stderr.read() == b"no"
        await child.wait()
        close_pipes(child)


async def test_a_program_that_is_not_there_is_an_error_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        await start_child("/nowhere/at/all", env={})


def test_none_of_our_code_runs_in_a_child_of_a_process_with_threads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNDER_UVLOOP], check=True, capture_output=True, timeout=50
    )
    assert done.stdout == b"said\n0"
