"""Floor 1: download, an HTTP transfer that goes on where it was cut.

Rule 1: what came before a cut is kept, and asked for no more.
Rule 2: whatever could not be reached at all is given up at once; a transfer that was cut is tried
    again as long as it gets further.
Rule 3: memory holds one piece.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import httpx2

from tailrace.errors import ModelProtocolError, ModelUnavailableError
from tailrace.llm.blocking import in_thread
from tailrace.llm.partial_file import PIECE_BYTES, append, discard, size_of

TIMEOUT = httpx2.Timeout(connect=5.0, read=30.0, write=30.0, pool=5.0)
_TRIES_WITHOUT_PROGRESS = 3
_RETRY_AFTER_S = 0.5

Report = Callable[[int, int], None]
"""Told how many bytes are here, and of how many."""


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
                msg = f"{_file_name(url)}: {what_happened(exc)}"
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
            if len(waiting) >= PIECE_BYTES:
                # it stays in `waiting` until it is written: a cancel may come in between
                full = bytes(waiting)
                await in_thread(lambda _, data=full, start=at + came: append(path, data, start))
                came += len(full)
                waiting.clear()
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


def what_happened(error: httpx2.HTTPError) -> str:
    """A few words on `error` that are fit for people."""
    match error:
        case httpx2.HTTPStatusError():
            return f"it answers {error.response.status_code}"
        case httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.ProxyError():
            return "it cannot be reached"
        case httpx2.TimeoutException():
            return "it stopped sending"
        case _:
            return "the connection was cut"
