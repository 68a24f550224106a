"""The Python client and a server that ends its responses when their time is up."""

import asyncio
from typing import TYPE_CHECKING

from tailrace.client import AsyncClient
from tailrace.client.following import Following
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType

if TYPE_CHECKING:
    from conftest import Serve


async def test_a_client_rejoins_as_often_as_it_is_sent_away_and_misses_nothing(
    serve: "Serve",
) -> None:
    async with (
        asyncio.timeout(30),
        serve(asks="Which one?", max_response_s=0.05) as serving,
        AsyncClient(serving.url) as client,
    ):
        run_id = await serving.start(interactive=True)
        asked = asyncio.Event()
        got: list[StreamEvent] = []

        async def watch() -> None:
            async for event in client.watch(run_id):
                got.append(event)
                if event.type is EventType.INPUT_REQUIRED:
                    asked.set()

        watching = asyncio.ensure_future(watch())
        await asked.wait()
        for _ in range(20):  # more often than a client tries where there is no sign of life
            await serving.client.get(f"/api/agent/runs/{run_id}/events?after=1-1")
        await client.answer(run_id, str(got[-1].metadata["request_id"]), "that one")
        await watching
        assert got == [event async for event in serving.agent.watch(run_id)]


def test_only_a_good_end_after_a_sign_of_life_is_rejoined_at_once() -> None:
    ends = [(b": rejoin\n\n", True), (b": rejoin\n\n", False), (b"", True)]
    waits: list[float] = []
    for data, is_good in ends:
        following = Following("run", chance=lambda: 1.0)
        following.headers()
        following.feed(data)
        if is_good:
            following.ended()
        waits.append(following.wait_s())
    assert waits == [0.2, 0.5, 0.5]


def test_events_that_have_a_name_are_not_the_runs() -> None:
    following = Following("run")
    following.headers()
    assert following.feed(b"event: heartbeat\ndata: {}\n\n") == []
