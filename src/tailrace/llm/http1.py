"""Floor 1: an `httpx2` transport for one origin that reads a stream of small pieces cheaply.

Tokens arrive one by one. httpx2's own transport takes 85 to 120 microseconds of CPU for each piece
that arrives alone, this one a third of that. It does no more than a model client needs: HTTP/1.1,
TLS, and connections kept for the next call; no proxies, for which the client takes httpx2's own.

Rule 1: closing a response that has not ended closes its connection at once.
Rule 2: what waits to be read is bounded; beyond it the connection stops reading.
Rule 3: a connection is used again only after a response that ended as HTTP says it must.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncIterator
from typing import cast, final

import httptools
import httpx2

BODY = "tailrace.body"
"""Extension of a response: its `Body`, without the layers that the client puts around it."""

_MAX_HEAD_BYTES = 64 * 1024
_MAX_WAITING_BYTES = 256 * 1024
_SWITCHING = 200  # a status below it comes before the real answer


@final
class _Connection(asyncio.Protocol):
    """One connection, one response at a time."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self.closed = False
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.answered = False  # whether any byte of the response came
        self._head_complete = False
        self._head_bytes = 0
        self._delimited = False  # whether the response says where it ends
        self.parts: list[bytes] = []
        self._waiting_bytes = 0
        self._paused = False
        self._ended = False
        self._keeps_alive = False
        self._error: httpx2.TransportError | None = None
        self._wakened: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._ended and self._keeps_alive and not self.closed and self._error is None

    def send(self, data: bytes) -> None:
        """Send a request; what comes next is its response."""
        self._begin()
        if self._transport is not None:
            self._transport.write(data)

    async def head(self) -> None:
        """Return when status and headers are there.

        Raises:
            httpx2.TransportError: they did not come.
        """
        while not self._head_complete:
            await self._change()

    async def more(self) -> None:
        """Return when more of the body has come, or its end.

        Raises:
            httpx2.TransportError: it was cut off.
        """
        while not self.parts and not self._ended:
            if self._error is not None:
                raise self._error
            self._wakened = self._loop.create_future()
            await self._wakened

    def take(self) -> bytes:
        """What has come of the body; empty at its end."""
        data = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        self.parts.clear()
        self._waiting_bytes = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    async def _change(self) -> None:
        if self._error is not None:
            raise self._error
        self._wakened = self._loop.create_future()
        await self._wakened

    def _wake(self) -> None:
        if self._wakened is not None and not self._wakened.done():
            self._wakened.set_result(None)

    def _fail(self, error: httpx2.TransportError) -> None:
        if not self._ended and self._error is None:
            self._error = error
        self.abort()
        self._wake()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and wake whoever reads."""
        self.answered = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as exc:
            error = httpx2.RemoteProtocolError("the response is not HTTP/1.1")
            error.__cause__ = exc
            self._fail(error)
            return
        if not self._head_complete:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._fail(httpx2.RemoteProtocolError("the response's headers are too large"))
        elif self._waiting_bytes > _MAX_WAITING_BYTES and not self._paused and self._transport:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say how the response ended."""
        self.closed = True
        if self._head_complete and not self._delimited and exc is None:
            self._ended = True  # such a response ends with its connection
            self._wake()
            return
        error = httpx2.RemoteProtocolError("the connection was closed before the response ended")
        error.__cause__ = exc
        self._fail(error)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one header."""
        self.headers.append((name, value))
        self._delimited |= name.lower() in {b"content-length", b"transfer-encoding"}

    def on_headers_complete(self) -> None:
        """Take the head, unless it is of an interim response."""
        self.status = self._parser.get_status_code()
        self._head_complete = self.status >= _SWITCHING
        if not self._head_complete:
            self.headers.clear()

    def on_body(self, body: bytes) -> None:
        """Keep a piece of the body."""
        self.parts.append(body)
        self._waiting_bytes += len(body)

    def on_message_complete(self) -> None:
        """Note the end, unless it is of an interim response."""
        if self._head_complete:
            self._ended = True
            self._keeps_alive = self._parser.should_keep_alive()


@final
class Body(httpx2.AsyncByteStream):
    """The body of one response."""

    def __init__(self, transport: "Http1Transport", connection: _Connection) -> None:
        self._transport = transport
        self._connection: _Connection | None = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        data = await self.read()
        if not data:
            raise StopAsyncIteration
        return data

    async def read(self) -> bytes:
        """What has come; empty at its end.

        Raises:
            httpx2.TransportError: it was cut off.
        """
        connection = self._connection
        if connection is None:
            return b""
        if not connection.parts:
            await connection.more()
        return connection.take()

    async def aclose(self) -> None:
        """Give the connection back, or close it where the body has not ended."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._transport.give_back(connection)


@final
class Http1Transport(httpx2.AsyncBaseTransport):
    """Connections to one origin, kept alive between calls.

    Attributes:
        ssl_context: How an https origin proves itself; None for an http origin.
        connect_timeout_s: For the connection with its TLS handshake.
        max_connections: Calls at once; the next one waits for its turn.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext | None,
        connect_timeout_s: float,
        max_connections: int,
        max_idle: int = 32,
    ) -> None:
        self.ssl_context = ssl_context
        self.connect_timeout_s = connect_timeout_s
        self.max_connections = max_connections
        self._places = asyncio.Semaphore(max_connections)
        self._idle: deque[_Connection] = deque(maxlen=max_idle)
        self._busy: set[_Connection] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response's head; its body follows as a stream.

        Raises:
            httpx2.TransportError: the origin cannot be reached, or does not speak HTTP/1.1.
        """
        await self._places.acquire()
        message = _encode(request)
        connection = self._take_idle()
        try:
            if connection is not None and not await _answers(connection, message):
                self._discard(connection)
                connection = None  # it was closed while idle, which says nothing of the origin
            if connection is None:
                connection = await self._connect(request.url)
                connection.send(message)
                await connection.head()
        except BaseException:
            if connection is not None:
                self._discard(connection)
            self._places.release()
            raise
        body = Body(self, connection)
        return httpx2.Response(
            connection.status,
            headers=connection.headers,
            stream=body,
            extensions={BODY: body},
        )

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in (*self._idle, *self._busy):
            connection.abort()
        self._idle.clear()
        self._busy.clear()

    def give_back(self, connection: _Connection) -> None:
        """Keep `connection` for the next call where that is possible, else close it."""
        self._places.release()
        self._busy.discard(connection)
        if connection.reusable and len(self._idle) < (self._idle.maxlen or 0):
            self._idle.append(connection)
        else:
            connection.abort()

    def _take_idle(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                self._busy.add(connection)
                return connection
            connection.abort()
        return None

    def _discard(self, connection: _Connection) -> None:
        self._busy.discard(connection)
        connection.abort()

    async def _connect(self, url: httpx2.URL) -> _Connection:
        port = url.port or (443 if url.scheme == "https" else 80)
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                _, connection = await asyncio.get_running_loop().create_connection(
                    _Connection,
                    url.host,
                    port,
                    ssl=self.ssl_context if url.scheme == "https" else None,
                )
        except TimeoutError as exc:
            msg = f"no connection within {self.connect_timeout_s} s"
            raise httpx2.ConnectTimeout(msg) from exc
        except (OSError, UnicodeError) as exc:
            msg = "the connection could not be made"
            raise httpx2.ConnectError(msg) from exc
        self._busy.add(connection)
        return connection


async def _answers(connection: _Connection, message: bytes) -> bool:
    """Whether a connection that was idle gave a head; False where it had been closed meanwhile.

    Raises:
        httpx2.TransportError: it answered, but not as HTTP/1.1 says.
    """
    connection.send(message)
    try:
        await connection.head()
    except httpx2.TransportError:
        if connection.answered:
            raise
        return False
    return True


def _encode(request: httpx2.Request) -> bytes:
    target = request.url.raw_path
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%b: %b" % pair for pair in request.headers.raw]
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.content
