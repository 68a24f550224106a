"""Floor 7: RemoteDoor, the home of a server on this machine, reached over HTTP.

Rule 1: a stream that is cut is joined again where it was cut, a bounded number of times; each time
    the holder of the home is looked up anew, since a server that was restarted has a new token.
Rule 2: the server is on this machine: no proxy is asked.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from tailrace.agent.home import holder
from tailrace.cli.door import (
    CoverageView,
    DocumentView,
    Question,
    RunView,
    is_within,
    names_of,
)
from tailrace.client.following import Following
from tailrace.client.problems import problem_of, unreachable
from tailrace.errors import IncompleteStreamError, NotFoundError, TailraceError
from tailrace.events.event import JSON, Cursor, StreamEvent
from tailrace.events.types import RunKind
from tailrace.settings import Settings
from tailrace.state.state import IngestTarget
from tailrace.stores.retention import Trimmed

T = TypeVar("T")

_RUNS: Final = "/api/agent/runs"
_CONVERSATIONS: Final = "/api/agent/conversations"
_DOCUMENTS: Final = "/api/documents"
_PATHS: Final = "/api/documents/paths"
_INGESTIONS: Final = "/api/documents/ingestions"
_TIMEOUT_S: Final = 30.0
_WIPE_TIMEOUT_S: Final = 600.0
_SILENT_HEARTBEATS: Final = 3
_MAX_JOINS: Final = 6
_PAGE: Final = 200
_CUT: Final = (httpx2.TransportError, httpx2.StreamError)


class RemoteDoor:
    """The runs and documents of a home that a server has."""

    def __init__(
        self, client: httpx2.AsyncClient, url: str, token: str, settings: Settings
    ) -> None:
        self.url = url
        self._client = client
        self._token = token
        self._home = settings.home
        self._silence_s = max(_TIMEOUT_S, _SILENT_HEARTBEATS * settings.heartbeat_s)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, token: str, settings: Settings
    ) -> AsyncGenerator["RemoteDoor", None]:
        """The door of the server at `url`."""
        async with httpx2.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as client:
            yield cls(client, url.rstrip("/"), token, settings)

    async def start(self, question: Question) -> str:
        """See `Door.start`."""
        body: dict[str, JSON] = {"query": question.text, "interactive": question.interactive}
        if question.conversation_id is not None:
            body["conversation_id"] = question.conversation_id
        started = await self._call("POST", _RUNS, dict[str, JSON], body=body)
        return str(started["run_id"])

    async def follow(
        self, run_id: str, after: Cursor | None = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `Door.follow`."""
        following = Following(run_id, after, max_attempts=_MAX_JOINS)
        while not following.finished:
            try:
                async for event in self._events(following):
                    yield event
            except _CUT:
                pass  # the same as a response that ended: join again
            if following.finished:
                return
            try:
                wait_s = following.wait_s()
            except IncompleteStreamError:
                return  # the screen says that it is not finished
            await asyncio.sleep(wait_s)
            self._look_up()

    async def answer(self, run_id: str, request_id: str, text: str) -> None:
        """See `Door.answer`."""
        body: dict[str, JSON] = {"request_id": request_id, "text": text}
        await self._call("POST", f"{_RUNS}/{run_id}/input", object, body=body)

    async def cancel(self, run_id: str) -> RunView:
        """See `Door.cancel`."""
        return await self._call("POST", f"{_RUNS}/{run_id}/cancel", RunView)

    async def get_run(self, run_id: str) -> RunView:
        """See `Door.get_run`."""
        return await self._call("GET", f"{_RUNS}/{run_id}", RunView)

    async def snapshot(self, run_id: str) -> StreamEvent:
        """See `Door.snapshot`."""
        path = f"{_RUNS}/{run_id}/events?from=snapshot"
        page = await self._call("GET", path, _Page, accept="application/json")
        return StreamEvent.from_json_bytes(bytes(page.events[0]))

    async def list_runs(self, limit: int, kind: RunKind | None) -> list[RunView]:
        """See `Door.list_runs`."""
        wanted = "all" if kind is None else kind.value
        found = await self._call("GET", f"{_RUNS}?limit={limit}&kind={wanted}", _Runs)
        return found.items

    async def prune(self, older_than: timedelta, *, dry_run: bool) -> Trimmed:
        """See `Door.prune`."""
        body: dict[str, JSON] = {"older_than_s": older_than.total_seconds(), "dry_run": dry_run}
        return await self._call("POST", f"{_RUNS}/prune", Trimmed, body=body)

    async def erase_run(self, run_id: str) -> None:
        """See `Door.erase_run`."""
        await self._call("DELETE", f"{_RUNS}/{run_id}", object, timeout_s=_WIPE_TIMEOUT_S)

    async def erase_conversation(self, conversation_id: int) -> None:
        """See `Door.erase_conversation`."""
        path = f"{_CONVERSATIONS}/{conversation_id}"
        await self._call("DELETE", path, object, timeout_s=_WIPE_TIMEOUT_S)

    async def ingest(self, target: IngestTarget) -> str:
        """See `Door.ingest`."""
        body: dict[str, JSON] = {"until": "embedded" if target.until_embedded else "searchable"}
        if target.path:
            body["path"] = target.path
        elif target.url:
            body["url"] = target.url
        else:
            body["rescan"] = True
        started = await self._call("POST", _INGESTIONS, dict[str, JSON], body=body)
        return str(started["run_id"])

    async def coverage(self) -> CoverageView:
        """See `Door.coverage`."""
        return await self._call("GET", f"{_DOCUMENTS}/coverage", CoverageView)

    async def list_documents(self) -> list[DocumentView]:
        """See `Door.list_documents`."""
        documents: list[DocumentView] = []
        while True:
            query = f"?limit={_PAGE}&offset={len(documents)}"
            page = await self._call("GET", _DOCUMENTS + query, _Documents)
            documents += page.items
            if not page.items or len(documents) >= page.total:
                return documents

    async def remove_document(self, target: str) -> int:
        """See `Door.remove_document`.

        Raises:
            NotFoundError: there is none.
        """
        if target.isascii() and target.isdecimal():
            found = [target]
        else:
            names = {target, *names_of(target)}
            path = quote(names_of(target)[0], safe="")
            try:
                forgotten = await self._call("DELETE", f"{_PATHS}?path={path}", _Forgotten)
            except NotFoundError:  # it was not added by this path: perhaps what is below it was
                documents = await self.list_documents()
            else:
                return forgotten.removed
            found = [str(each.id) for each in documents if is_within(each.source, names)]
        if not found:
            msg = f"{target!r} was not added"
            raise NotFoundError(msg)
        for document_id in found:
            await self._call("DELETE", f"{_DOCUMENTS}/{document_id}", object)
        return len(found)

    async def _events(self, following: Following) -> AsyncGenerator[StreamEvent, None]:
        headers = {**following.headers(), **self._headers()}
        url = self.url + following.path()
        timeout = httpx2.Timeout(_TIMEOUT_S, read=self._silence_s)
        async with self._client.stream("GET", url, headers=headers, timeout=timeout) as response:
            following.answered(
                response.status_code, await response.aread() if response.is_error else b""
            )
            async for data in response.aiter_raw():
                for event in following.feed(data):
                    yield event

    async def _call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: dict[str, JSON] | None = None,
        timeout_s: float = _TIMEOUT_S,
        accept: str = "*/*",
    ) -> T:
        """What the server answers.

        Raises:
            TailraceError: it refuses, or cannot be reached.
        """
        try:
            response = await self._client.request(
                method,
                self.url + path,
                json=body,
                headers={"accept": accept, **self._headers()},
                timeout=timeout_s,
            )
        except httpx2.HTTPError as exc:
            error = unreachable(self.url)
            raise error from exc
        if response.is_error:
            error = problem_of(response.status_code, response.content)
            raise error
        try:
            return msgspec.json.decode(response.content or b"null", type=kind)
        except msgspec.DecodeError as exc:
            msg = f"the server at {self.url} answered something else than this command expects; "
            msg += "stop it and start it again if Tailrace was updated meanwhile"
            raise TailraceError(msg) from exc

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _look_up(self) -> None:
        held = holder(self._home)
        if held is not None and held.url:
            self.url, self._token = held.url.rstrip("/"), held.token


class _Page(msgspec.Struct):
    events: list[msgspec.Raw]


class _Runs(msgspec.Struct):
    items: list[RunView]


class _Documents(msgspec.Struct):
    items: list[DocumentView]
    total: int


class _Forgotten(msgspec.Struct, frozen=True):
    removed: int
