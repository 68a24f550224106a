"""A line that is cut anywhere: whoever rejoins has what whoever was never cut off has."""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tailrace.agent import ChatRequest, ContextAgent
from tailrace.client import AsyncClient
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import scripted_agent
from tailrace.testing.fault_proxy import FaultProxy, Line
from tailrace.testing.model_script import Reply, classify_as
from tailrace.wire.sse import SSEDecoder

ANSWER = " ".join(f"{n} é漢😀" for n in range(20))
QUESTION = "What is the budget of the harbour plan?"
AT_ONCE = 20

Read = Callable[[str], Awaitable[list[StreamEvent]]]
"""Follows a run, given its id, to its end."""
Reader = Callable[[str], AbstractAsyncContextManager[Read]]
"""Makes that for the server at a URL."""


@asynccontextmanager
async def serving(
    home: Path, chunk_delay_s: float = 0.001
) -> AsyncGenerator[tuple[ContextAgent, str]]:
    script = classify_as("qa_analysis", Reply(ANSWER, chunk_delay_s=chunk_delay_s))
    async with (
        asyncio.timeout(50),
        scripted_agent(home, script, settings=Settings(port=0)) as (agent, _),
        running(agent) as url,
    ):
        yield agent, url


@asynccontextmanager
async def our_client(url: str) -> AsyncGenerator[Read]:
    async with AsyncClient(url) as client:

        async def read(run_id: str) -> list[StreamEvent]:
            return [event async for event in client.watch(run_id)]

        yield read


@asynccontextmanager
async def plain_sse(url: str) -> AsyncGenerator[Read]:
    """As a browser does: join again at once, with the last id that came."""
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:

        async def read(run_id: str) -> list[StreamEvent]:
            events: list[StreamEvent] = []
            last = ""
            while not events or not events[-1].is_terminal:
                decoder = SSEDecoder(last_event_id=last)
                headers = {"last-event-id": last} if last else {}
                path = f"/api/agent/runs/{run_id}/events"
                with suppress(httpx2.TransportError):
                    async with http.stream("GET", path, headers=headers) as response:
                        async for data in response.aiter_raw():
                            events += [
                                StreamEvent.from_json_bytes(frame.data.encode())
                                for frame in decoder.feed(data)
                            ]
                last = decoder.last_event_id
            return events

        yield read


async def response_bytes(url: str, run_id: str) -> bytes:
    """The response that gives a whole log, as it is on the wire."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    path = f"/api/agent/runs/{run_id}/events"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n\r\n".encode())
    data = await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return data


def ends_of_events(response: bytes) -> list[int]:
    """After how many bytes of a chunked response each event is whole."""
    start = response.index(b"\r\n\r\n") + 4
    places: list[int] = []  # of each byte of the body
    while size := int(response[start : (line := response.index(b"\r\n", start))], 16):
        places += range(line + 2, line + 2 + size)
        start = line + 2 + size + 2
    body = bytes(response[place] for place in places)
    return [places[at + 1] + 1 for at, two in enumerate(pairwise(body)) if two == (10, 10)]


async def check_cuts(url: str, run_id: str, cuts: Sequence[int], reader: Reader) -> int:
    """Each reader is cut off after so many bytes, and has in the end what all have.

    Returns:
        How many had to come back for it.
    """
    seen: list[list[StreamEvent]] = []
    rejoined = 0

    async def one_by_one(share: Sequence[int]) -> None:
        nonlocal rejoined
        async with FaultProxy(url) as proxy, reader(proxy.url) as read:
            for cut in share:
                proxy.cut()  # a connection that was kept open is none to cut again
                proxy.lines, before = (Line(cut_after=cut), Line()), proxy.connections
                seen.append(await read(run_id))
                rejoined += proxy.connections - before - 1

    async with asyncio.TaskGroup() as tasks:
        for first in range(min(AT_ONCE, len(cuts))):
            tasks.create_task(one_by_one(cuts[first::AT_ONCE]))
    async with plain_sse(url) as read:
        assert seen == [await read(run_id)] * len(cuts)
    return rejoined


READERS: dict[str, Reader] = {"our client": our_client, "plain SSE": plain_sse}


@pytest.mark.parametrize("within_events", [40, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
async def test_a_cut_at_any_event_or_within_one_leaves_no_trace(
    tmp_path: Path, reader: Reader, within_events: int
) -> None:
    async with serving(tmp_path) as (agent, url):
        events = [event async for event in agent.process_stream(ChatRequest(query=QUESTION))]
        run_id = events[0].run_id
        response = await response_bytes(url, run_id)
        ends = ends_of_events(response)
        chance = random.Random(4)
        within = [chance.randrange(len(response)) for _ in range(within_events)]
        assert len(ends) == len(events) + 2  # the first two have no data: `retry:`, and an id
        assert {EventType.SOURCE, EventType.STREAM_CHUNK} < {event.type for event in events}
        cuts = [*ends, *within]
        rejoined = await check_cuts(url, run_id, cuts, reader)
        assert rejoined == sum(cut < ends[-1] for cut in cuts)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
async def test_a_cut_while_the_run_is_at_work_leaves_no_trace(
    tmp_path: Path, reader: Reader
) -> None:
    chance = random.Random(5)
    async with serving(tmp_path, chunk_delay_s=0.02) as (agent, url):
        run = await agent.start(ChatRequest(query=QUESTION))
        rejoined = await check_cuts(
            url, run.run_id, [chance.randrange(8_000) for _ in range(AT_ONCE)], reader
        )
        assert rejoined == AT_ONCE
