"""Floor 1: ModelProcess, one child process with a model in it, from its start to its end.

Rule 1: one task owns the process. It is awaited by `stop`, and whatever ends that task, the
    process is gone when it has ended.
Rule 2: the child goes when its standard input closes; if not within a bound, it is killed.
Rule 3: what the child prints goes to our log, a bounded amount of it, and to no client.
"""

import asyncio
import logging
import os
import sys
from contextlib import suppress

import msgspec

from tailrace.errors import ModelUnavailableError
from tailrace.llm.embedded_server import BAD_MODEL, NO_RUNTIME, ServerConfig, ServerReady
from tailrace.wire.child_process import ChildProcess, close_pipes, start_child

LOAD_TIMEOUT_S = 180.0
_STOP_TIMEOUT_S = 3.0
_PRINTED_BYTES = 4096
_PRINTED_PIECES = 200

_log = logging.getLogger(__name__)


class ModelProcess:
    """The child that serves one model; it starts loading at once."""

    def __init__(self, config: ServerConfig) -> None:
        """Start it; must be called on the event loop it will belong to."""
        self._config = config
        self._process: ChildProcess | None = None
        self._ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._run(), name=f"embedded model {config.name}")

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._owner.done()

    @property
    def is_ready(self) -> bool:
        """Whether the model is loaded and the process is there."""
        return self._ready.done() and not self.ended

    @property
    def pid(self) -> int | None:
        """The process's id; None before it was started."""
        return self._process.pid if self._process else None

    async def url(self) -> str:
        """The address of its HTTP server, once the model is loaded.

        Raises:
            ModelUnavailableError: it ended, or was not ready in time.
        """
        await asyncio.wait([self._ready, self._owner], return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done():
            raise ModelUnavailableError(self._why_not_loaded())
        return self._ready.result()

    async def wait_ended(self, *, at_most_s: float) -> bool:
        """Whether the process is gone, at the latest after `at_most_s`."""
        await asyncio.wait([self._owner], timeout=at_most_s)
        return self.ended

    async def stop(self) -> None:
        """End the process, and return when it is gone."""
        try:
            if self._process and self._process.stdin:
                self._process.stdin.close()
                await asyncio.wait([self._owner], timeout=_STOP_TIMEOUT_S)
        finally:
            self._owner.cancel()
        await asyncio.wait([self._owner])

    async def _run(self) -> None:
        try:
            process = await self._start()
        except OSError as exc:
            _log.error("the process of embedded model %s cannot start: %r", self._config.name, exc)
            return
        self._process = process
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._configure(process))
                tasks.create_task(_log_output(process.stderr))
                await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            close_pipes(process)
            _log.info("embedded model %s ended: %s", self._config.name, process.returncode)

    async def _start(self) -> ChildProcess:
        return await start_child(
            sys.executable,
            "-P",  # the current folder's own modules are none of the child's business
            "-m",
            "tailrace.llm.embedded_server",
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "OMP_WAIT_POLICY": "passive"},
        )

    async def _configure(self, process: ChildProcess) -> None:
        """Tell the child what to load, and learn where it listens; it is killed if it is late."""
        if process.stdin is None or process.stdout is None:
            return
        try:
            process.stdin.write(msgspec.json.encode(self._config) + b"\n")
            await process.stdin.drain()
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                line = await process.stdout.readline()
            if not line:
                return  # it ends; its exit code says why
            self._ready.set_result(msgspec.json.decode(line, type=ServerReady).url)
            await _log_output(process.stdout)
        except (TimeoutError, OSError, ValueError, msgspec.DecodeError) as exc:
            _log.warning("embedded model %s did not start: %r", self._config.name, exc)
            with suppress(ProcessLookupError):
                process.kill()

    def _why_not_loaded(self) -> str:
        code = self._process.returncode if self._process else None
        name = self._config.name
        if code == NO_RUNTIME:
            return "the runtime of the embedded model does not work here; see `tailrace doctor`"
        if code == BAD_MODEL:
            return (
                f"the model {name!r} cannot be loaded: too little memory, or its file is damaged; "
                f"in that case `tailrace models remove {name}` and pull it again"
            )
        return f"the process of the embedded model {name!r} ended before it was loaded"


async def _log_output(stream: asyncio.StreamReader | None) -> None:
    """Read `stream` to its end, so that the child never waits for us."""
    pieces = 0
    while stream and (piece := await stream.read(_PRINTED_BYTES)):
        pieces += 1
        if pieces <= _PRINTED_PIECES:
            _log.info("embedded model: %s", piece.decode(errors="replace").rstrip())
