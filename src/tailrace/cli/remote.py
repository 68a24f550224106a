"""Floor 7: RemoteDoor, the home of a server on this machine, reached over HTTP.

Rule 1: a stream that is cut is joined again where it was cut, a bounded number of times; each time
    the holder of the home is looked up anew, since a server that was restarted has a new token.
Rule 2: the server is on this machine: no proxy is asked.
"""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

import httpx2
import msgspec

from tailrace.agent.home import holder
from tailrace.cli.door import DocumentView, Question, RunView, is_within, names_of
from tailrace.cli.problems import problem_of
from tailrace.context.report import IngestProgress, IngestReport, OnProgress
from tailrace.errors import NotFoundError, TailraceError
from tailrace.events.event import JSON, Cursor, StreamEvent
from tailrace.settings import Settings
from tailrace.wire.sse import SSEDecoder

T = TypeVar("T")

_RUNS: Final = "/api/agent/runs"
_DOCUMENTS: Final = "/api/documents"
_PATHS: Final = "/api/documents/paths"
_TIMEOUT_S: Final = 30.0
_ADD_TIMEOUT_S: Final = 3_600.0
_SILENT_HEARTBEATS: Final = 3
_MAX_JOINS: Final = 6
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 4.0
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
        body: dict[str, JSON] = {"query": question.text}
        if question.conversation_id is not None:
            body["conversation_id"] = question.conversation_id
        started = await self._call("POST", _RUNS, dict[str, JSON], body=body)
        return str(started["run_id"])

    async def follow(
        self, run_id: str, after: Cursor | None = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """See `Door.follow`."""
        cursor, cuts = after, 0
        while cuts < _MAX_JOINS:
            try:
                async for event in self._events(run_id, cursor):
                    if cursor is not None and event.seq <= cursor.seq:
                        continue
                    cursor, cuts = event.cursor, 0
                    yield event
                    if event.is_terminal:
                        return
            except _Finished:
                return
            except _CUT:
                pass  # the same as a response that ended: join again
            cuts += 1
            wait_s = min(_FIRST_WAIT_S * 2**cuts, _LONGEST_WAIT_S)
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads, guards nothing
            self._look_up()

    async def cancel(self, run_id: str) -> RunView:
        """See `Door.cancel`."""
        return await self._call("POST", f"{_RUNS}/{run_id}/cancel", RunView)

    async def get_run(self, run_id: str) -> RunView:
        """See `Door.get_run`."""
        return await self._call("GET", f"{_RUNS}/{run_id}", RunView)

    async def list_runs(self, limit: int) -> list[RunView]:
        """See `Door.list_runs`."""
        found = await self._call("GET", f"{_RUNS}?limit={limit}", _Runs)
        return found.items

    async def add_documents(self, path: Path, on_progress: OnProgress) -> IngestReport:
        """See `Door.add_documents`."""
        on_progress(IngestProgress(done=0, total=0, path=str(path)))
        body: dict[str, JSON] = {"path": names_of(str(path))[0]}
        added = await self._call("POST", _PATHS, _Added, body=body, timeout_s=_ADD_TIMEOUT_S)
        return added.report()

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

    async def _events(
        self, run_id: str, cursor: Cursor | None
    ) -> AsyncGenerator[StreamEvent, None]:
        headers = {"Accept": "text/event-stream", **self._headers()}
        if cursor is not None:
            headers["Last-Event-ID"] = str(cursor)
        url = f"{self.url}{_RUNS}/{run_id}/events"
        decoder = SSEDecoder(last_event_id=headers.get("Last-Event-ID", ""))
        timeout = httpx2.Timeout(_TIMEOUT_S, read=self._silence_s)
        async with self._client.stream("GET", url, headers=headers, timeout=timeout) as response:
            if response.status_code == HTTPStatus.NO_CONTENT:
                raise _Finished
            if response.is_error:
                raise problem_of(response.status_code, await response.aread())
            async for chunk in response.aiter_raw():
                for received in decoder.feed(chunk):
                    yield StreamEvent.from_json_bytes(received.data.encode())

    async def _call(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        body: dict[str, JSON] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> T:
        """What the server answers.

        Raises:
            TailraceError: it refuses, or cannot be reached.
        """
        try:
            response = await self._client.request(
                method, self.url + path, json=body, headers=self._headers(), timeout=timeout_s
            )
        except httpx2.HTTPError as exc:
            msg = f"the server at {self.url} does not answer; is it stopping? Try again"
            raise TailraceError(msg, retryable=True) from exc
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


class _Finished(Exception):  # noqa: N818 - no error: the run is over and was seen whole
    pass


class _Runs(msgspec.Struct):
    items: list[RunView]


class _Documents(msgspec.Struct):
    items: list[DocumentView]
    total: int


class _NotRead(msgspec.Struct):
    source: str
    reason: str


class _Forgotten(msgspec.Struct, frozen=True):
    removed: int


class _Added(msgspec.Struct):
    added: int
    updated: int
    unchanged: int
    removed: int
    skipped: list[_NotRead]
    failed: list[_NotRead]

    def report(self) -> IngestReport:
        return IngestReport(
            added=self.added,
            updated=self.updated,
            unchanged=self.unchanged,
            removed=self.removed,
            skipped=tuple((each.source, each.reason) for each in self.skipped),
            failed=tuple((each.source, each.reason) for each in self.failed),
        )
