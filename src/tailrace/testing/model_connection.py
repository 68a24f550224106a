"""Testing floor: one client's connection to a scripted model: requests in, replies and faults out.

Rule 1: the bytes are written here and nowhere else, so that a script can break them anywhere.
Rule 2: a client that hangs up is noticed at once, whatever the reply is doing.
"""

import asyncio
import socket
import struct
from collections.abc import Coroutine
from itertools import cycle
from typing import Protocol, cast, final

import msgspec

from tailrace._clock import SYSTEM_CLOCK
from tailrace.events.event import JSON
from tailrace.testing import model_wire
from tailrace.testing.model_script import ChatRequest, Fault, FaultKind, Reply, words

_MAX_REQUEST_BYTES = 64 * 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_EVENT_STREAM = (("content-type", "text/event-stream"), ("transfer-encoding", "chunked"))


class RecordedRequest:
    """One chat-completion request, and what became of its reply.

    Attributes:
        chat: The request as it arrived.
        disconnected: Set when the client hangs up before the reply is complete.
        disconnected_at: When it did, on the monotonic clock; None while it has not.
        finished: Set when nothing more will be sent: replied, broken off, or hung up.
        chunks_sent: Chunks of the answer sent so far.
    """

    def __init__(self, chat: ChatRequest) -> None:
        self.chat = chat
        self.disconnected = asyncio.Event()
        self.disconnected_at: float | None = None
        self.finished = asyncio.Event()
        self.chunks_sent = 0

    def hang_up(self) -> None:
        """Note that the client left."""
        if not self.finished.is_set():
            self.disconnected_at = SYSTEM_CLOCK.monotonic_s()
            self.disconnected.set()
            self.finished.set()


class Host(Protocol):
    """What a connection needs of its server."""

    def record(self, request: RecordedRequest) -> Reply:
        """Note the request and say what to answer."""
        ...

    def own(self, serving: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `serving` in a task that the server awaits before it ends."""
        ...


@final
class ModelConnection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one client."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._buffer = bytearray()
        self._grew = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._request: RecordedRequest | None = None
        self._serving: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to serve."""
        self._transport = cast("asyncio.Transport", transport)
        self._serving = self._host.own(self._serve())

    def data_received(self, data: bytes) -> None:
        """Keep `data` for whoever reads the request."""
        if len(self._buffer) + len(data) > _MAX_REQUEST_BYTES:
            self.transport.abort()
            return
        self._buffer += data
        self._grew.set()

    def eof_received(self) -> bool:
        """Take a half-closed connection for one that is closed, as model servers do."""
        self._hung_up()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop serving."""
        self._hung_up()

    def pause_writing(self) -> None:
        """Hold back until the client has taken some."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._writable.set()

    @property
    def transport(self) -> asyncio.Transport:
        """The connection's transport.

        Raises:
            RuntimeError: the connection is not made yet.
        """
        if self._transport is None:
            msg = "the connection is not made yet"
            raise RuntimeError(msg)
        return self._transport

    def _hung_up(self) -> None:
        if self._request is not None:
            self._request.hang_up()
        if self._serving is not None:
            self._serving.cancel()

    async def _serve(self) -> None:
        try:
            while not self.transport.is_closing():
                method, path, headers, body = await self._read_request()
                if method == "POST" and path.endswith("/chat/completions"):
                    await self._chat(ChatRequest(msgspec.json.decode(body), headers))
                elif method == "GET" and path.endswith("/models"):
                    self._write_json(200, model_wire.model_list())
                else:
                    error: JSON = {"error": {"message": "no such route", "type": "not_found"}}
                    self._write_json(404, error)
        except asyncio.CancelledError:
            self.transport.abort()  # nobody is left to take what still waits
            raise
        finally:
            self.transport.close()

    async def _read_request(self) -> tuple[str, str, dict[str, str], bytes]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            await self._more()
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        body_end = end + 4 + int(headers.get("content-length", "0"))
        while len(self._buffer) < body_end:
            await self._more()
        body = bytes(self._buffer[end + 4 : body_end])
        del self._buffer[:body_end]
        method, path, _version = first.split(" ", 2)
        return method, path, headers, body

    async def _more(self) -> None:
        self._grew.clear()
        await self._grew.wait()

    async def _chat(self, chat: ChatRequest) -> None:
        request = self._request = RecordedRequest(chat)
        reply = self._host.record(request)
        await asyncio.sleep(reply.first_delay_s)
        fault = reply.fault
        if fault is not None and await self._misbehave_first(fault):
            request.finished.set()
        elif chat.streams:
            await self._stream(request, reply)
        else:
            body = model_wire.completion(
                "".join(reply.parts), reply.finish_reason, _usage(request, reply)
            )
            self._write_json(200, body)
        request.finished.set()
        self._request = None

    async def _misbehave_first(self, fault: Fault) -> bool:
        """Do what `fault` does instead of a stream; False where it comes later."""
        match fault.kind:
            case FaultKind.HTTP_STATUS:
                self._write_json(fault.status, fault.body, fault.headers)
            case FaultKind.WRONG_CONTENT_TYPE:
                page = b"<!doctype html><title>Sign in</title><p>raw text of a gateway"
                self._write_body(200, page, (("content-type", "text/html"),))
            case FaultKind.EMPTY:
                head = model_wire.response_head(200, _EVENT_STREAM)
                self.transport.write(head + model_wire.chunked(b""))
            case FaultKind.MUTE:
                await _for_ever()
            case FaultKind.REFUSE:
                self._reset()
            case _:
                return False
        return True

    async def _stream(self, request: RecordedRequest, reply: Reply) -> None:
        self.transport.write(model_wire.response_head(200, _EVENT_STREAM))
        pace = _Pace(reply)
        asked = request.chat.body.get("return_progress") is True
        for processed, total in reply.progress if asked else ():
            await pace.wait(0)
            await self._write(model_wire.progress_event(processed, total))
        await self._write(model_wire.role_event())
        for text in words(reply.reasoning):
            await pace.wait(0)
            await self._write(model_wire.reasoning_event(text))
        fault = reply.fault
        endless = fault is not None and fault.kind is FaultKind.ENDLESS
        for text in cycle(reply.parts) if endless else reply.parts:
            await pace.wait(request.chunks_sent)
            event = model_wire.content_event(text)
            if fault is not None and request.chunks_sent == fault.after:
                if await self._misbehave(fault, event):
                    return
                fault = None
            await self._write(event)
            request.chunks_sent += 1
        ending = _ending(request, reply)
        if fault is not None and fault.after > request.chunks_sent:
            await self._write(ending.pop(0))
        if fault is not None and await self._misbehave(fault, model_wire.DONE):
            return
        self.transport.write(b"".join(map(model_wire.chunked, (*ending, b""))))

    async def _misbehave(self, fault: Fault, event: bytes) -> bool:
        """Do what `fault` does in the middle of a stream; whether the reply ends with it."""
        match fault.kind:
            case FaultKind.CUT:
                if fault.inside_chunk:
                    chunk = model_wire.chunked(event)
                    self.transport.write(chunk[: len(chunk) // 2])
                self.transport.close()
            case FaultKind.GARBAGE:
                await self._write(b"data: <<raw text, not JSON>>\n\n")
                await self._write(b"")
            case FaultKind.ERROR_EVENT:
                await self._write(model_wire.json_event(fault.body))
                await self._write(b"")
            case FaultKind.STALL:
                await _for_ever()
            case FaultKind.ENORMOUS:
                text = "x" * fault.size_bytes
                await self._write(model_wire.content_event(text))
                return False
            case _:
                return False
        return True

    async def _write(self, event: bytes) -> None:
        """Send `event` as a chunk of its own; empty ends the body."""
        self.transport.write(model_wire.chunked(event))
        await self._writable.wait()

    def _write_json(
        self, status: int, body: JSON, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        content = (("content-type", "application/json"), *headers)
        self._write_body(status, msgspec.json.encode(body), content)

    def _write_body(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
        length = ("content-length", str(len(body)))
        self.transport.write(model_wire.response_head(status, (*headers, length)) + body)

    def _reset(self) -> None:
        """Close with RST, so that the client sees a reset and not an end."""
        sock = cast("socket.socket", self.transport.get_extra_info("socket"))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


class _Pace:
    """When each chunk of one reply is due."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._loop = asyncio.get_running_loop()
        self._due_s = self._loop.time()

    async def wait(self, chunks_sent: int) -> None:
        """Return when the next chunk is due."""
        if self._reply.before_chunk is not None:
            await self._reply.before_chunk(chunks_sent)
        if self._reply.rate is None:
            await asyncio.sleep(self._reply.chunk_delay_s)
            return
        self._due_s += 1 / self._reply.rate  # absolute, so that lateness does not add up
        await asyncio.sleep(max(0.0, self._due_s - self._loop.time()))


async def _for_ever() -> None:
    """Wait until the client hangs up or the server ends; both cancel."""
    await asyncio.get_running_loop().create_future()


def _ending(request: RecordedRequest, reply: Reply) -> list[bytes]:
    events: list[bytes] = []
    if reply.finish_reason is not None:
        events.append(model_wire.finish_event(reply.finish_reason))
    if reply.reports_usage and request.chat.wants_usage:
        events.append(model_wire.usage_event(*_usage(request, reply)))
    if reply.sends_done:
        events.append(model_wire.DONE)
    return events


def _usage(request: RecordedRequest, reply: Reply) -> tuple[int, int]:
    if reply.usage is not None:
        return reply.usage
    return max(1, len(request.chat.text) // 4), len(reply.parts)
