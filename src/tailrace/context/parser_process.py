"""Floor 2: ParserProcess, one process that reads files, seen from the server.

Rule 1: who asks has it to themselves until the answer is complete; one whose answer was not waited
    for is killed, as nobody knows where in it one is.
Rule 2: each file has its time; a process that takes longer is killed.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from tailrace.context.parcel import (
    LENGTH_BYTES,
    End,
    Head,
    OutOfMemory,
    Ready,
    Reply,
    Request,
    Same,
    Span,
    Spans,
    Text,
    packed,
    reply_in,
)
from tailrace.context.read import Reading, SameBytes
from tailrace.stores.documents import NewChunk, NewDocument
from tailrace.wire.child_process import ChildProcess, close_pipes, start_child

_START_S: Final = 60.0


class TookTooLongError(Exception):
    """The file was not read in time."""


class TookTooMuchError(Exception):
    """The file needs more memory than there may be."""


class DiedError(Exception):
    """The process ended while it read the file."""


class RetiredError(Exception):
    """The process has ended, or is short of memory, and had read others before; ask a new one."""


class NotStartedError(Exception):
    """The process cannot be started here."""


class ParserProcess:
    """A process that has started."""

    def __init__(self, process: ChildProcess, timeout_s: float) -> None:
        self._process = process
        self._timeout_s = timeout_s
        self._has_read = False

    @classmethod
    async def start(cls, *, memory_bytes: int, timeout_s: float) -> "ParserProcess":
        """A process that is ready to read.

        Raises:
            NotStartedError: the system has no room for it, or it does not run.
        """
        try:
            process = await start_child(
                sys.executable,
                *("-P", "-B", "-m", "tailrace.context.parser_child"),
                *(str(memory_bytes), str(timeout_s)),
                env={k: v for k, v in os.environ.items() if not k.startswith("TAILRACE_")},
            )
        except OSError as exc:
            raise NotStartedError from exc
        started = cls(process, timeout_s)
        is_ready = False
        try:
            async with asyncio.timeout(_START_S):
                is_ready = isinstance(await started._reply(), Ready)
        except (TimeoutError, DiedError) as exc:
            raise NotStartedError from exc
        finally:
            if not is_ready:
                await started.stop()
        return started

    async def read(
        self, request: Request, data: bytes | None = None
    ) -> AsyncGenerator[Reading | SameBytes, None]:
        """What is in each of the files, in their order; taken to its end, or the process killed.

        Raises:
            TookTooLongError: the next file was not read in time.
            TookTooMuchError: the next file needs more memory than a new process has.
            DiedError: a new process ended while it read the next file.
            RetiredError: this process cannot go on; whether another could is not known.
        """
        is_complete = False
        try:
            for number in range(len(request.files)):
                try:
                    async with asyncio.timeout(self._timeout_s):
                        if not number:
                            await self._ask(request, data)
                        reading = await self._reading()
                except TimeoutError as exc:
                    raise TookTooLongError from exc
                except (DiedError, TookTooMuchError) as exc:
                    if self._has_read:
                        raise RetiredError from exc
                    raise
                self._has_read = True
                yield reading
            is_complete = True
        finally:
            if not is_complete:
                await self.stop()

    @property
    def is_alive(self) -> bool:
        """Whether the process is there, as far as is known."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    async def stop(self) -> None:
        """Kill the process, which has nothing to lose; it is gone when this returns."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.shield(self._process.wait())
        close_pipes(self._process)

    async def _ask(self, request: Request, data: bytes | None) -> None:
        if self._process.stdin is None:
            raise DiedError
        try:
            self._process.stdin.write(packed(request))
            if data is not None:
                self._process.stdin.write(data)
            await self._process.stdin.drain()
        except OSError as exc:
            raise DiedError from exc

    async def _reading(self) -> Reading | SameBytes:
        """The next complete answer.

        Raises:
            TookTooMuchError: it needs too much memory.
            DiedError: the process has ended.
        """
        document: NewDocument | None = None
        pieces: list[str] = []
        chunks: list[NewChunk] = []
        text = ""
        while True:
            match await self._reply():
                case Same(file):
                    return SameBytes(file)
                case Head(head):
                    document = head
                case Text(piece):
                    pieces.append(piece)
                case Spans(spans):
                    text = text or "".join(pieces)
                    chunks += _chunks(text, spans)
                case End() if document is not None:
                    text = text or "".join(pieces)
                    return Reading(document=_with_text(document, text), chunks=chunks)
                case OutOfMemory():
                    raise TookTooMuchError
                case _:
                    raise DiedError

    async def _reply(self) -> Reply:
        if self._process.stdout is None:
            raise DiedError
        try:
            length = await self._process.stdout.readexactly(LENGTH_BYTES)
            payload = await self._process.stdout.readexactly(int.from_bytes(length, "big"))
        except (asyncio.IncompleteReadError, OSError) as exc:
            raise DiedError from exc
        return reply_in(payload)


def _with_text(document: NewDocument, text: str) -> NewDocument:
    return msgspec.structs.replace(document, text=text)


def _chunks(text: str, spans: Sequence[Span]) -> list[NewChunk]:
    return [
        NewChunk(
            heading=span.heading,
            char_start=span.char_start,
            char_end=span.char_end,
            text=text[span.char_start : span.char_end],
            page=span.page,
        )
        for span in spans
    ]
