"""The real command line, as a subprocess, with a home of its own and a scripted model."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_LIMIT_S = 45.0
_UNSET = ("TAILRACE_", "FORCE_COLOR", "COLUMNS", "NO_COLOR")


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str


class Tailrace:
    """Runs commands on one home."""

    def __init__(self, home: Path, models: Path) -> None:
        self.home = home
        self._environ = {
            name: value for name, value in os.environ.items() if not name.startswith(_UNSET)
        }
        self._environ |= {
            "TAILRACE_HOME": str(home),
            "TAILRACE_MODELS_FOLDER": str(models),
            "TAILRACE_MODEL_RETRIES": "0",
            "NO_COLOR": "1",
        }

    def set(self, **environ: str) -> None:
        """Give all further commands these variables."""
        self._environ |= environ

    async def start(
        self, *arguments: str, stdin: int = DEVNULL, stdout: int = PIPE, stderr: int = PIPE
    ) -> Process:
        """A command that goes on; the caller ends it."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tailrace",
            *arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=self._environ,
        )

    async def __call__(self, *arguments: str) -> Done:
        """The command, once it has ended."""
        return await self.ended(await self.start(*arguments))

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[Process, None]:
        """A server on this home, at a free port, that answers; ended on the way out."""
        process = await self.start("serve", "--port", "0")
        try:
            await self._answers(process)
            yield process
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await self.ended(process)

    async def _answers(self, process: Process) -> None:
        async with asyncio.timeout(_LIMIT_S):
            while True:
                checked = await self("doctor")
                if "✓ Server" in checked.out:
                    return
                assert process.returncode is None, (await self.ended(process)).err

    @staticmethod
    async def ended(process: Process) -> Done:
        """What the process said, once it has ended; it is killed where it does not."""
        try:
            async with asyncio.timeout(_LIMIT_S):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            out, err = await process.communicate()
            pytest.fail(f"the command did not end; it said {out!r} and {err!r}")
        return Done(process.returncode or 0, out.decode(), err.decode())

    @staticmethod
    async def read_until(process: Process, wanted: Callable[[str], bool]) -> str:
        """What stdout has given, as soon as it is what is wanted."""
        assert process.stdout is not None
        got = b""
        async with asyncio.timeout(_LIMIT_S):
            while not wanted(got.decode(errors="ignore")):
                piece = await process.stdout.read(1024)
                assert piece, f"stdout ended after {got!r}"
                got += piece
        return got.decode()


@pytest.fixture
def tailrace(tmp_path: Path) -> Tailrace:
    """The command line, on a home that does not exist yet."""
    return Tailrace(tmp_path / "home", tmp_path / "models")


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with a document that can be read, and a file that cannot."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "hours.md").write_text(
        "# Opening hours\n\nThe mill opens at nine and closes at five on weekdays.\n"
    )
    (folder / "engine.bin").write_bytes(b"\0\1\2")
    return folder
