"""Floor 1: Client, the Python client without asyncio: `AsyncClient`, run on a loop of its own."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Generator
from types import TracebackType
from typing import Any, Self, TypeVar

from tailrace.client.async_client import AsyncClient
from tailrace.client.question import Question
from tailrace.errors import WrongLoopError
from tailrace.events.event import JSON, Cursor, StreamEvent

T = TypeVar("T")


class Client:
    """A server's runs, from anywhere; use it as a context manager, from one thread."""

    def __init__(self, url: str = "http://127.0.0.1:1733", *, api_key: str = "") -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncClient(url, api_key=api_key)

    def __enter__(self) -> Self:
        """The client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close its connections; the runs go on."""
        self.close()

    def close(self) -> None:
        """Close its connections; the runs go on."""
        self._wait_for(self._client.aclose())
        self._runner.close()

    def start(self, question: Question | str) -> str:
        """The id of the run that works on `question`.

        Raises:
            TailraceError: the server refuses, or cannot be reached.
        """
        return self._wait_for(self._client.start(question))

    def watch(self, run_id: str, after: Cursor | None = None) -> Generator[StreamEvent, None, None]:
        """The run's events after `after`, from the start by default, each once, to its last.

        A connection that is lost is made again. Leaving ends the watching, never the run.

        Raises:
            IncompleteStreamError: the end could not be reached, or something is missing.
            TailraceError: there is no such run, or the server refuses.
        """
        events = self._client.watch(run_id, after)
        try:
            while (event := self._wait_for(_next(events))) is not None:
                yield event
        finally:
            self._wait_for(events.aclose())

    def cancel(self, run_id: str) -> None:
        """End the run; what was written stays. One that has ended stays as it is.

        Raises:
            TailraceError: there is no such run, or the server cannot be reached.
        """
        self._wait_for(self._client.cancel(run_id))

    def answer(self, run_id: str, request_id: str, text: str) -> None:
        """Give the run what it waits for, as its `input_required` event names it; it goes on.

        Raises:
            TailraceError: it does not wait for that, or the server cannot be reached.
        """
        self._wait_for(self._client.answer(run_id, request_id, text))

    def get(self, run_id: str) -> dict[str, JSON]:
        """The run as the server shows it: state, text so far, error.

        Raises:
            TailraceError: there is no such run, or the server cannot be reached.
        """
        return self._wait_for(self._client.get(run_id))

    def list_runs(self, limit: int = 50) -> list[dict[str, JSON]]:
        """The newest runs, newest first.

        Raises:
            TailraceError: the server refuses, or cannot be reached.
        """
        return self._wait_for(self._client.list_runs(limit))

    def _wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._runner.run(work)
        work.close()
        msg = "an event loop runs here already; use tailrace.client.AsyncClient"
        raise WrongLoopError(msg)


async def _next(events: AsyncGenerator[StreamEvent, None]) -> StreamEvent | None:
    return await anext(events, None)
