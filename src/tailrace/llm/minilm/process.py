"""Floor 1: EmbeddingProcess, the child that embeds what nobody waits for.

Rule 1: it is started by the first batch, and again where it died.
Rule 2: one batch at a time; whoever is cancelled in the middle of one ends the child, since its
    answer would be taken for the next one's.
Rule 3: it goes when its standard input closes; if not within a bound, it is killed.
"""

import asyncio
import os
import sys
from array import array
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from tailrace.errors import ModelUnavailableError
from tailrace.llm.embedding import Vector
from tailrace.llm.minilm.child import LENGTH_BYTES, Batch, Vectors, frame
from tailrace.llm.minilm.model import DIMENSIONS
from tailrace.wire.child_process import ChildProcess, close_pipes, start_child

_ANSWER_TIMEOUT_S: Final = 120.0
_STOP_TIMEOUT_S: Final = 3.0
_FLOAT_BYTES: Final = 4


class EmbeddingProcess:
    """A process that embeds, and is there only while it is needed."""

    def __init__(self) -> None:
        self._process: ChildProcess | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none."""
        return None if self._process is None else self._process.pid

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """The vector of each of `texts`.

        Raises:
            ModelUnavailableError: the process cannot be started, died, or cannot load the model.
        """
        async with self._turn:
            process = self._process or await self._start()
            try:
                async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                    vectors = await _ask(process, frame(Batch([*texts])))
            except (OSError, EOFError, TimeoutError, msgspec.DecodeError) as exc:
                await self._end()
                msg = "the process that embeds documents ended or fell silent; it is started again"
                raise ModelUnavailableError(msg) from exc
            except BaseException:
                await self._end()
                raise
        if vectors.error:
            raise ModelUnavailableError(vectors.error, retryable=False)
        size_bytes = DIMENSIONS * _FLOAT_BYTES
        return [
            array("f", vectors.data[start : start + size_bytes])
            for start in range(0, len(texts) * size_bytes, size_bytes)
        ]

    async def stop(self) -> None:
        """End the process, once it has answered what it was asked."""
        async with self._turn:
            await self._end()

    async def _start(self) -> ChildProcess:
        try:
            self._process = await start_child(
                sys.executable,
                "-P",  # the current folder's own modules are none of the child's business
                "-m",
                "tailrace.llm.minilm.child",
                env={**os.environ, "OMP_WAIT_POLICY": "passive"},
            )
        except OSError as exc:
            msg = "the process that embeds documents cannot be started"
            raise ModelUnavailableError(msg) from exc
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            pass
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
            close_pipes(process)


async def _ask(process: ChildProcess, question: bytes) -> Vectors:
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(question)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
    return msgspec.msgpack.decode(await process.stdout.readexactly(length), type=Vectors)
