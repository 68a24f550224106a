"""Testing floor: ScriptedModelServer, a model endpoint on loopback that does what a script says.

It speaks the OpenAI chat-completions protocol, answers as fast or as badly as asked, and records
each request and when its client hung up. `python -m tailrace.testing.model_server` runs it alone.

Rule 1: nothing it starts outlives its `async with`.
Rule 2: an error in a script is raised where the server is left, never swallowed.
"""

import argparse
import asyncio
import sys
from collections.abc import Coroutine
from types import TracebackType
from typing import Self

from tailrace.testing.model_connection import ModelConnection, RecordedRequest
from tailrace.testing.model_script import Reply, Script, classify_as, script_player, words


class ScriptedModelServer:
    """An OpenAI-compatible endpoint that plays `script`.

    Attributes:
        requests: The chat-completion requests so far, in order of arrival.
        connections: Connections that clients have made so far.
    """

    def __init__(self, script: Script | None = None, *, port: int = 0) -> None:
        self.requests: list[RecordedRequest] = []
        self.connections = 0
        self._play = script_player(Reply() if script is None else script)
        self._port = port
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        self._failures: list[BaseException] = []
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: ModelConnection(self), "127.0.0.1", self._port
        )
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        if self._failures and error is None:
            raise self._failures[0]

    @property
    def url(self) -> str:
        """The base URL a client is given."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def wait_for_request(self, count: int = 1) -> RecordedRequest:
        """The `count`-th request, from 1, once it has arrived."""
        if len(self.requests) < count:
            arrived = asyncio.get_running_loop().create_future()
            self._waiting.append((count, arrived))
            await arrived
        return self.requests[count - 1]

    def record(self, request: RecordedRequest) -> Reply:
        """Note `request`, and say what its connection answers."""
        self.requests.append(request)
        for count, arrived in self._waiting:
            if len(self.requests) >= count and not arrived.done():
                arrived.set_result(None)
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
        return self._play(request.chat)

    def own(self, serving: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Run `serving` in a task that ends before this server does."""
        self.connections += 1
        task = asyncio.get_running_loop().create_task(serving)
        self._serving.add(task)
        task.add_done_callback(self._served)
        return task

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            self._failures.append(failure)


async def _run(port: int, script: Script) -> None:
    async with ScriptedModelServer(script, port=port) as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """Serve one reply to everybody until interrupted; the first line printed is the base URL."""
    parser = argparse.ArgumentParser(prog="python -m tailrace.testing.model_server")
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--text", default="token ", help="what one repetition answers")
    parser.add_argument("--repeat", type=int, default=100, help="repetitions in one answer")
    parser.add_argument("--rate", type=float, default=None, help="chunks per second; all at once")
    parser.add_argument("--intent", default="", help="what requests for JSON are answered with")
    options = parser.parse_args()
    reply = Reply(chunks=words(options.text) * options.repeat, rate=options.rate)
    try:
        script = classify_as(options.intent, reply) if options.intent else reply
        asyncio.run(_run(options.port, script))
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
