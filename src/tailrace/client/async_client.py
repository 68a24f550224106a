"""Floor 1: AsyncClient, the Python client for asyncio.

Rule: a request that starts a run carries a key of its own, so that one whose answer was lost can
be sent again without starting a second run.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self, cast

import httpx2
import msgspec

from tailrace.client.following import Following, retry_after_s
from tailrace.client.problems import problem_of, unreachable
from tailrace.client.question import Question
from tailrace.events.event import JSON, Cursor, StreamEvent

TIMEOUT: Final = httpx2.Timeout(30.0)
SILENCE: Final = httpx2.Timeout(30.0, read=35.0)  # three of the server's heartbeats

_CUT: Final = (httpx2.TransportError, httpx2.StreamError)
_TRIES: Final = 4
_FIRST_WAIT_S: Final = 0.25
_RUNS: Final = "/api/agent/runs"


class AsyncClient:
    """A server's runs, from anywhere; use it as an async context manager."""

    def __init__(self, url: str = "http://127.0.0.1:1733", *, api_key: str = "") -> None:
        headers = {"X-API-Key": api_key} if api_key else {}
        self._http = httpx2.AsyncClient(base_url=url, headers=headers, timeout=TIMEOUT)

    async def __aenter__(self) -> Self:
        """The client."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close its connections; the runs go on."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections; the runs go on."""
        await self._http.aclose()

    async def start(self, question: Question | str) -> str:
        """The id of the run that works on `question`.

        Raises:
            TailraceError: the server refuses, or cannot be reached.
        """
        asked = Question(query=question) if isinstance(question, str) else question
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        started = await self._call("POST", _RUNS, asked.to_body(), headers)
        return str(started["run_id"])

    async def watch(
        self, run_id: str, after: Cursor | None = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """The run's events after `after`, from the start by default, each once, to its last.

        A connection that is lost is made again. Leaving ends the watching, never the run.

        Raises:
            IncompleteStreamError: the end could not be reached, or something is missing.
            TailraceError: there is no such run, or the server refuses.
        """
        following = Following(run_id, after)
        while not following.finished:
            asked_s = None
            try:
                async with self._http.stream(
                    "GET", following.path(), headers=following.headers(), timeout=SILENCE
                ) as response:
                    body = await response.aread() if response.is_error else b""
                    following.answered(response.status_code, body)
                    asked_s = retry_after_s(response.headers.get("retry-after"))
                    if not response.is_error:
                        async with aclosing(response.aiter_raw()) as pieces:
                            async for data in pieces:
                                for event in following.feed(data):
                                    yield event
                        following.ended()
            except _CUT:
                pass  # the same as a response that ended: join again
            if not following.finished:
                await asyncio.sleep(following.wait_s(asked_s))

    async def cancel(self, run_id: str) -> None:
        """End the run; what was written stays. One that has ended stays as it is.

        Raises:
            TailraceError: there is no such run, or the server cannot be reached.
        """
        await self._call("POST", f"{_RUNS}/{run_id}/cancel")

    async def answer(self, run_id: str, request_id: str, text: str) -> None:
        """Give the run what it waits for, as its `input_required` event names it; it goes on.

        Raises:
            TailraceError: it does not wait for that, or the server cannot be reached.
        """
        body: dict[str, JSON] = {"request_id": request_id, "text": text}
        await self._call("POST", f"{_RUNS}/{run_id}/input", body)

    async def get(self, run_id: str) -> dict[str, JSON]:
        """The run as the server shows it: state, text so far, error.

        Raises:
            TailraceError: there is no such run, or the server cannot be reached.
        """
        return await self._call("GET", f"{_RUNS}/{run_id}")

    async def list_runs(self, limit: int = 50) -> list[dict[str, JSON]]:
        """The newest runs, newest first.

        Raises:
            TailraceError: the server refuses, or cannot be reached.
        """
        page = await self._call("GET", f"{_RUNS}?limit={limit}")
        return cast("list[dict[str, JSON]]", page["items"])

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, JSON] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, JSON]:
        """What the server answers.

        Raises:
            TailraceError: it refuses, or cannot be reached.
        """
        response = await self._answered(method, path, body, headers)
        if response.is_error:
            error = problem_of(response.status_code, response.content)
            raise error
        return msgspec.json.decode(response.content or b"{}", type=dict[str, JSON])

    async def _answered(
        self,
        method: str,
        path: str,
        body: Mapping[str, JSON] | None,
        headers: Mapping[str, str] | None,
    ) -> httpx2.Response:
        for attempt in range(1, _TRIES):
            try:
                return await self._http.request(method, path, json=body, headers=headers)
            except _CUT:
                await asyncio.sleep(_FIRST_WAIT_S * 2**attempt)
        try:
            return await self._http.request(method, path, json=body, headers=headers)
        except _CUT as exc:
            error = unreachable(str(self._http.base_url))
            raise error from exc
