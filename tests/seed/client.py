"""MineContext's own clients at work: what they send, and how they read what comes.

`DesktopClient` and `PageClient` post what was observed, key for key, to a server they know nothing
else of. What they show is in `screens`.
"""

import asyncio
import json
import secrets
import socket
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Self

import httptools
import httpx2

from .screens import NO_MESSAGE, Desktop, Frame, LineReader, Message, Page

_PIECE_BYTES: Final = 65_536
_HISTORY_OF_PAGE: Final = 10


class Fetch:
    """One POST over a socket of its own, whose response is taken as it comes.

    An abort takes what has arrived already and nothing later, as a browser's does.

    Attributes:
        status: The response's; 0 before its head.
        ended: Set once nothing more will be taken.
        broken: Whether the response ended in its middle.
    """

    def __init__(
        self,
        port: int,
        path: str,
        body: dict[str, Any],
        take: Callable[[bytes], None],
    ) -> None:
        data = json.dumps(body, ensure_ascii=False).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self.status = 0
        self.ended = asyncio.Event()
        self.broken = False
        self._request = head.encode() + data
        self._take = take
        self._parser = httptools.HttpResponseParser(self)
        self._loop = asyncio.get_running_loop()
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setblocking(False)  # noqa: FBT003 - the socket module's own signature

    async def __aenter__(self) -> Self:
        await self._loop.sock_sendall(self._socket, self._request)
        self._loop.add_reader(self._socket, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._end()

    def abort(self) -> None:
        """Take what is here, and hang up."""
        while not self.ended.is_set() and self._read():
            pass
        self._end()

    def on_headers_complete(self) -> None:
        """The parser has the head."""
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """The parser has a piece of the body."""
        if self.status == HTTPStatus.OK:
            self._take(data)

    def on_message_complete(self) -> None:
        """The parser has the whole response."""
        self._end()

    def _read(self) -> bool:
        """Take what is here; whether there was anything."""
        try:
            data = self._socket.recv(_PIECE_BYTES)
        except BlockingIOError:
            return False
        except ConnectionError:
            data = b""
        if data:
            self._parser.feed_data(data)
        else:
            self.broken = True
            self._end()
        return True

    def _end(self) -> None:
        if not self.ended.is_set():
            self.ended.set()
            self._loop.remove_reader(self._socket)
            self._socket.close()


class _Client:
    """What both have in common: one stream at a time, and a way to wait for a moment of it.

    Attributes:
        frames: All frames so far.
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http
        self.frames: list[Frame] = []
        self._changed = asyncio.Event()
        self._fetch: Fetch | None = None

    async def until(self, moment: Callable[[], bool]) -> None:
        """Return at once when `moment` is."""
        while not moment():
            self._changed.clear()
            await self._changed.wait()

    async def _post(self, body: dict[str, Any], show: Callable[[Frame], None]) -> Fetch:
        """The stream that answers `body`, shown to its end."""
        reader = LineReader()

        def take(data: bytes) -> None:
            for frame in reader.feed(data):
                self.frames.append(frame)
                show(frame)
            self._changed.set()

        port = self.http.base_url.port
        assert port is not None
        async with Fetch(port, "/api/agent/chat/stream", body, take) as self._fetch:
            await self._fetch.ended.wait()
        return self._fetch


class DesktopClient(_Client):
    """The desktop application's chat.

    Attributes:
        conversation_id: Set when it begins a conversation, or opens a stored one.
        document_id: The open document; "" without one.
        selected: What is selected in it.
    """

    def __init__(self, http: httpx2.AsyncClient) -> None:
        super().__init__(http)
        self.screen = Desktop(session_id=_session_id())
        self.conversation_id: int | None = None
        self.document_id = ""
        self.selected = ""

    async def open(self, conversation_id: int) -> None:
        """Open a stored conversation: its rows are the messages."""
        self.conversation_id = conversation_id
        self.screen.messages = await self.stored()

    async def send(self, query: str) -> None:
        """Ask, and follow the answer to the end of the response."""
        if self.conversation_id is None:
            await self._begin_conversation()
        self.screen.ask(query)
        fetch = await self._post(self.request(query), self.screen.take)
        if fetch.status != HTTPStatus.OK:
            self.screen.lose(f"HTTP error! status: {fetch.status}")
        elif fetch.broken:
            self.screen.lose("network error")
        else:
            self.screen.end()

    async def stop(self) -> None:
        """Ask the server to stop, wait for its answer, and only then hang up."""
        if self.screen.message_id == NO_MESSAGE:
            return
        await self.http.post(f"/api/agent/chat/messages/{self.screen.message_id}/interrupt")
        assert self._fetch is not None
        self._fetch.abort()
        self.screen.lose(self.screen.error)

    async def stored(self) -> list[Message]:
        """The conversation as the server has it."""
        url = f"/api/agent/chat/conversations/{self.conversation_id}/messages"
        rows: list[Message] = (await self.http.get(url)).json()
        return rows

    def request(self, query: str) -> dict[str, Any]:
        """What it posts: the whole conversation, the new turn included."""
        context: dict[str, Any] = {"chat_history": self.screen.messages}
        if self.document_id:
            context["document_id"] = self.document_id
            context["current_document"] = {"id": self.document_id}
        if self.selected:
            context["selected_content"] = self.selected
        return {
            "query": query,
            "conversation_id": self.conversation_id,
            "context": context,
            "session_id": self.screen.session_id,
        }

    async def _begin_conversation(self) -> None:
        body = {"page_name": "creation" if self.document_id else "home"}
        if self.document_id:
            body["document_id"] = self.document_id
        made = await self.http.post("/api/agent/chat/conversations", json=body)
        self.conversation_id = made.json()["id"]


class PageClient(_Client):
    """The web page's chat: no conversation, its last ten messages instead."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        super().__init__(http)
        self.screen = Page()

    async def send(self, query: str) -> None:
        """Ask, and follow the answer to the end of the response."""
        self.screen.ask(query)
        await self._post(self.request(query), self.screen.take)

    def request(self, query: str) -> dict[str, Any]:
        """What it posts."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        newest = self.screen.messages[-_HISTORY_OF_PAGE:]
        session_id = self.screen.session_id
        context = {
            "chat_history": [{**each, "timestamp": now, "type": "text"} for each in newest],
            "document_context": None,
            "session_id": session_id,
            "workflow_id": None,
            "timestamp": now,
        }
        return {"query": query, "context": context, "session_id": session_id, "user_id": None}


def _session_id() -> str:
    return f"session_{time.time_ns() // 1_000_000}_{secrets.token_hex(4)}"
