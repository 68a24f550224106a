"""Floor 2: ParserPool, what reads files and bytes for an ingest, away from the event loop.

Rule 1: whoever made it closes it; a process is started when something has to be read in one.
Rule 2: what is plain and small is read in a thread here; all else in a process, which may be killed
    and is then replaced: one file that takes too long or too much fails by itself.
Rule 3: a process reads for one caller at a time, and there are two: a person who adds a document
    does not wait for a scan.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Final, cast

import msgspec

from tailrace.context.kinds import PLAIN, kind_of
from tailrace.context.parcel import Request
from tailrace.context.parser_process import (
    DiedError,
    NotStartedError,
    ParserProcess,
    RetiredError,
    TookTooLongError,
    TookTooMuchError,
)
from tailrace.context.read import (
    Reading,
    SameBytes,
    failed,
    read_bytes,
    read_path,
    refused,
)
from tailrace.context.walk import FoundFile, read_file
from tailrace.stores.documents import DocumentOrigin

DEFAULT_TIMEOUT_S: Final = 120.0
DEFAULT_MEMORY_BYTES: Final = 1024 * 1024 * 1024
_PROCESSES: Final = 2
_SMALL_BYTES: Final = 64 * 1024

_log = logging.getLogger(__name__)


class ParserPool:
    """Reads documents; one for a home."""

    def __init__(
        self,
        *,
        max_document_bytes: int,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        memory_bytes: int = DEFAULT_MEMORY_BYTES,
    ) -> None:
        """Start nothing yet.

        Args:
            max_document_bytes: The largest file that is read.
            timeout_s: How long one file may take.
            memory_bytes: How much memory a process may have, where the system can limit it.
        """
        self._max_bytes = max_document_bytes
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._places = asyncio.Semaphore(_PROCESSES)
        self._idle: list[ParserProcess] = []
        self._closed = False

    async def read_paths(
        self, owner: str, files: Sequence[FoundFile], known_sha256: Sequence[str]
    ) -> list[Reading | SameBytes]:
        """What is in each of `files`; SameBytes where its hash is the known one."""
        known = dict(zip(files, known_sha256, strict=True))
        readings = {file: refused(owner, file, self._max_bytes) for file in files}
        left = [file for file in files if readings[file] is None]
        if sum(file.size_bytes for file in left) <= _SMALL_BYTES and all(map(_is_plain, left)):
            found = await asyncio.to_thread(
                lambda: [read_path(owner, each, known[each], self._max_bytes) for each in left]
            )
        else:
            found = await self._read(
                Request(
                    owner=owner,
                    files=left,
                    known_sha256=[known[file] for file in left],
                    max_bytes=self._max_bytes,
                    origin=DocumentOrigin.FOLDER,
                )
            )
        remaining = iter(found)
        return [readings[file] or next(remaining) for file in files]

    async def read_bytes(
        self, owner: str, file: FoundFile, data: bytes, origin: DocumentOrigin
    ) -> Reading:
        """What is in `data`, which is called `file.source`."""
        if len(data) <= _SMALL_BYTES and (_is_plain(file) or kind_of(file.source) is None):
            return await asyncio.to_thread(read_bytes, owner, file, data, origin)
        request = Request(
            owner=owner,
            files=[file],
            known_sha256=[""],
            max_bytes=self._max_bytes,
            origin=origin,
            data_bytes=len(data),
        )
        [reading] = await self._read(request, data)
        return cast("Reading", reading)  # no hash is known, so it cannot be the same

    async def aclose(self) -> None:
        """Stop what was started, and return when it is gone."""
        self._closed = True
        while self._idle:
            await self._idle.pop().stop()

    async def _read(self, request: Request, data: bytes | None = None) -> list[Reading | SameBytes]:
        """What is in each of the files, also in those that end their process."""
        files = request.files
        readings: list[Reading | SameBytes] = []
        async with self._places:
            while len(readings) < len(files):
                try:
                    await self._read_in_process(_from(request, len(readings)), data, readings)
                except RetiredError:
                    continue
                except NotStartedError as exc:
                    _log.error("the process that reads files cannot start: %r", exc.__cause__)
                    reason = "the process that reads files cannot start; see the log"
                    rest = files[len(readings) :]
                    readings += [failed(request.owner, f, "", request.origin, reason) for f in rest]
                except (TookTooLongError, TookTooMuchError, DiedError) as exc:
                    reason = self._why(exc)
                    file = files[len(readings)]
                    sha256 = await asyncio.to_thread(_sha256, file, data, self._max_bytes)
                    readings.append(failed(request.owner, file, sha256, request.origin, reason))
        return readings

    async def _read_in_process(
        self, request: Request, data: bytes | None, readings: list[Reading | SameBytes]
    ) -> None:
        """Add to `readings` until all are read, or one ends the process.

        Raises:
            RetiredError: the process cannot go on, and had read others before.
            NotStartedError: there is none.
            TookTooLongError: the next file was not read in time.
            TookTooMuchError: the next file needs too much memory.
            DiedError: the process ended while it read the next file.
        """
        process = await self._take()
        try:
            async with aclosing(process.read(request, data)) as found:
                async for reading in found:
                    readings.append(reading)  # noqa: PERF401 - those before an error are kept
        finally:
            if process.is_alive and not self._closed:
                self._idle.append(process)
            else:
                await process.stop()

    async def _take(self) -> ParserProcess:
        while self._idle:
            process = self._idle.pop()
            if process.is_alive:
                return process
            await process.stop()
        if self._closed:
            msg = "the pool was closed"
            raise NotStartedError(msg)
        return await ParserProcess.start(memory_bytes=self._memory_bytes, timeout_s=self._timeout_s)

    def _why(self, error: Exception) -> str:
        match error:
            case TookTooLongError():
                return f"reading it takes longer than {self._timeout_s:g} s"
            case TookTooMuchError():
                return f"reading it takes more than {self._memory_bytes // 1024**2:,} MiB of memory"
            case _:
                return "it ended the process that reads files: it is damaged, or made to do harm"


def _is_plain(file: FoundFile) -> bool:
    return kind_of(file.source) in PLAIN


def _from(request: Request, first: int) -> Request:
    """The request without the files before `first`."""
    return msgspec.structs.replace(
        request, files=request.files[first:], known_sha256=request.known_sha256[first:]
    )


def _sha256(file: FoundFile, data: bytes | None, max_bytes: int) -> str:
    """The hash of the file's bytes; "" where they cannot be had."""
    if data is None:
        try:
            data, _ = read_file(Path(file.source), max_bytes)
        except OSError:
            return ""
    return hashlib.sha256(data).hexdigest()
