"""Floor 0: ChildProcess, a child of this process, and the pipes to it.

Rule 1: none of our code runs between fork and exec. uvloop's own way lets Python's fork hooks run
    there, in a child that has one thread of many: now and then one waits for ever, for a lock that
    another thread held, and with it the whole event loop (MagicStack/uvloop#749).
Rule 2: whoever starts it waits for its end, and then closes it.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol

_DEVNULL: Final = subprocess.DEVNULL


class ChildProcess(Protocol):
    """A child that was started.

    Attributes:
        stdin: What it reads; None where it has no such pipe.
        stdout: What it writes.
        stderr: The same, of its errors.
    """

    stdin: asyncio.StreamWriter | None
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it is there, and for a moment after that."""
        ...

    def kill(self) -> None:
        """End it at once.

        Raises:
            ProcessLookupError: it has ended.
        """
        ...

    async def wait(self) -> int:
        """How it ended, once it has."""
        ...


async def start_child(
    *command: str, env: Mapping[str, str], stderr: int = _DEVNULL
) -> ChildProcess:
    """A child that runs `command`, with pipes for what it reads and writes.

    Args:
        command: The program and its arguments.
        env: All of its environment.
        stderr: `subprocess.PIPE` or `subprocess.DEVNULL`.

    Raises:
        OSError: it cannot be started.
    """
    pipe = asyncio.subprocess.PIPE
    if sys.platform == "win32":  # no fork, and its loop wants pipes of another kind
        return await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=stderr, env=env
        )
    child = _Child(command, env, stderr)
    await child.connect()
    return child


def close_pipes(child: ChildProcess) -> None:
    """Let go of the pipes to a child that has ended, whatever is left in them."""
    if isinstance(child, _Child):
        child.close()


class _Child:
    """A child that the standard library has started."""

    def __init__(self, command: tuple[str, ...], env: Mapping[str, str], stderr: int) -> None:
        pipe = subprocess.PIPE
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._transports: list[asyncio.BaseTransport] = []
        self._process = subprocess.Popen(  # noqa: S603 - a program of ours
            command, stdin=pipe, stdout=pipe, stderr=stderr, env=env, bufsize=0
        )
        threading.Thread(target=self._wait, name="tailrace-child", daemon=True).start()

    @property
    def pid(self) -> int:
        """See `ChildProcess.pid`."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """See `ChildProcess.returncode`."""
        return self._process.returncode

    async def connect(self) -> None:
        """Connect the pipes; where that fails, the child is gone."""
        try:
            writing, protocol = await self._loop.connect_write_pipe(
                lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), self._process.stdin
            )
            self._transports.append(writing)
            self.stdin = asyncio.StreamWriter(writing, protocol, None, self._loop)
            self.stdout = await self._reader(self._process.stdout)
            if self._process.stderr is not None:
                self.stderr = await self._reader(self._process.stderr)
        except BaseException:
            self.close()
            with suppress(ProcessLookupError):
                self.kill()
            raise

    def kill(self) -> None:
        """See `ChildProcess.kill`.

        Raises:
            ProcessLookupError: it has ended.
        """
        if self._process.returncode is not None:
            raise ProcessLookupError
        self._process.kill()

    async def wait(self) -> int:
        """See `ChildProcess.wait`."""
        await self._ended.wait()
        return self._process.wait()

    def close(self) -> None:
        """Let go of the pipes."""
        for transport in self._transports:
            transport.close()

    async def _reader(self, pipe: object) -> asyncio.StreamReader:
        reader = asyncio.StreamReader()
        transport, _ = await self._loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        self._transports.append(transport)
        return reader

    def _wait(self) -> None:
        self._process.wait()
        with suppress(RuntimeError):  # the loop has ended meanwhile, and nobody waits
            self._loop.call_soon_threadsafe(self._ended.set)
