"""A side: the design the project started from, in a few lines.

One queue between a run and its one viewer, read with a timeout of 0.1 s; the event made into JSON
for the viewer; one UPDATE and commit a token in SQLite's default journal mode, on the event loop;
`StreamingResponse` on uvicorn. Kinder than the original, whose runs all shared one queue.

Run: python benchmarks/seed_design.py <home>; the first line printed is its URL.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from orders import Order, tokens

_WAIT_S = 0.1
_APPEND = "UPDATE messages SET content = content || ?, token_count = token_count + 1 WHERE id = ?"


class _Run:
    """One run: what it says goes through a queue to its viewer."""

    def __init__(self, order: Order, database: sqlite3.Connection) -> None:
        self._order = order
        self._database = database
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(1000)
        cursor = database.execute("INSERT INTO messages (content) VALUES ('')")
        database.commit()
        self._message_id = cursor.lastrowid

    async def speak(self) -> None:
        """Put what is said into the queue."""
        index = 0
        async for text in tokens(self._order):
            await self._queue.put(
                {
                    "type": "stream_chunk",
                    "content": text,
                    "progress": 0.5,
                    "timestamp": datetime.now(UTC).isoformat(),
                    "stage": "execution",
                    "node": "execute",
                    "metadata": {"index": index},
                }
            )
            index += 1
        await self._queue.put(None)

    async def follow(self) -> AsyncGenerator[str, None]:
        """What the viewer is sent; each token is kept first."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.speak())
            while True:
                try:
                    event = await asyncio.wait_for(self._queue.get(), timeout=_WAIT_S)
                except TimeoutError:
                    continue
                if event is None:
                    break
                self._database.execute(_APPEND, (event["content"], self._message_id))
                self._database.commit()
                yield f"data: {json.dumps(event, ensure_ascii=False)}\n\n"
            yield 'data: {"type": "stream_complete"}\n\n'


def create_app(database: sqlite3.Connection) -> Starlette:
    """The application, with the one route there is."""

    async def chat_stream(request: Request) -> StreamingResponse:
        body = await request.json()
        run = _Run(Order.parse(body["query"]), database)
        return StreamingResponse(run.follow(), media_type="text/event-stream")

    return Starlette(routes=[Route("/api/agent/chat/stream", chat_stream, methods=["POST"])])


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        sys.stdout.write(f"http://127.0.0.1:{port}\n")
        sys.stdout.flush()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    home: Path = parser.parse_args().home
    database = sqlite3.connect(home / "seed.db")
    database.execute(
        "CREATE TABLE messages (id INTEGER PRIMARY KEY, content TEXT NOT NULL, "
        "token_count INTEGER NOT NULL DEFAULT 0)"
    )
    config = uvicorn.Config(create_app(database), port=0, log_level="warning", access_log=False)
    _Server(config).run()


if __name__ == "__main__":
    main()
