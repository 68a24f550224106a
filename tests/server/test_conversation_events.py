"""One stream for a conversation: run after run, the next one too, from any place."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest

from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType
from tailrace.testing.model_script import Reply
from tailrace.wire.sse import ServerSentEvent, SSEDecoder

if TYPE_CHECKING:
    from conftest import Serve, Serving


class Viewer:
    """Reads a conversation's stream until it has what it was asked for."""

    def __init__(self, client: httpx2.AsyncClient, url: str) -> None:
        self.frames: list[ServerSentEvent] = []
        self.primer = ""
        self.joined = asyncio.Event()
        self.saw_an_end = asyncio.Event()
        self._client = client
        self._url = url

    async def read(self, ends: int, *, last_event_id: str = "", query: str = "") -> None:
        """Return once so many runs have ended."""
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        decoder = SSEDecoder()
        async with self._client.stream("GET", self._url + query, headers=headers) as response:
            assert response.status_code == 200
            async for piece in response.aiter_raw():
                self.primer = self.primer or piece.partition(b"id: ")[2].split(b"\n")[0].decode()
                self.joined.set()
                self.frames += decoder.feed(piece)
                ended = sum(event.is_terminal for event in self.events())
                if ended:
                    self.saw_an_end.set()
                if ended >= ends:
                    return

    def events(self) -> list[StreamEvent]:
        """What it has."""
        return [StreamEvent.from_json_bytes(frame.data.encode()) for frame in self.frames]


async def expected(serving: "Serving", run_ids: list[str]) -> list[tuple[str, StreamEvent]]:
    """Ids and events of those runs, as a stream of them has to have them."""
    return [
        (f"{run_id}:{event.cursor}", event)
        for run_id in run_ids
        for event in await serving.events(run_id)
    ]


def got(viewer: Viewer) -> list[tuple[str, StreamEvent]]:
    return [(frame.id, event) for frame, event in zip(viewer.frames, viewer.events(), strict=True)]


def url_of(conversation: int) -> str:
    return f"/api/agent/conversations/{conversation}/events"


async def test_runs_come_one_after_the_other_and_the_next_one_too(serving: "Serving") -> None:
    conversation, other = await serving.converse(), await serving.converse()
    async with asyncio.timeout(30):
        viewer = Viewer(serving.client, url_of(conversation))
        reading = asyncio.ensure_future(viewer.read(ends=3))
        run_ids: list[str] = []
        for number in range(3):
            await serving.start("elsewhere", conversation_id=other)
            run_ids.append(await serving.start(f"question {number}", conversation_id=conversation))
        await reading
        assert got(viewer) == await expected(serving, run_ids)


async def test_a_viewer_that_waits_is_told_of_the_next_run(serving: "Serving") -> None:
    conversation = await serving.converse()
    first = await serving.start(conversation_id=conversation)
    async with asyncio.timeout(30):
        viewer = Viewer(serving.client, url_of(conversation))
        reading = asyncio.ensure_future(viewer.read(ends=2))
        await viewer.saw_an_end.wait()
        second = await serving.start("and then?", conversation_id=conversation)
        await reading
        assert got(viewer) == await expected(serving, [first, second])


async def test_every_place_gives_exactly_what_follows(serving: "Serving") -> None:
    conversation = await serving.converse()
    run_ids = [await serving.start(f"{n}", conversation_id=conversation) for n in range(2)]
    whole = await expected(serving, run_ids)
    for at in range(0, len(whole) - 1, 3):
        viewer = Viewer(serving.client, url_of(conversation))
        ends = sum(event.is_terminal for _, event in whole[at + 1 :])
        async with asyncio.timeout(10):
            await viewer.read(ends, last_event_id=whole[at][0], query="?from=live")
        assert got(viewer) == whole[at + 1 :]


async def test_live_begins_after_what_there_is(serving: "Serving") -> None:
    for is_new in (True, False):
        conversation = await serving.converse()
        run_ids = [] if is_new else [await serving.start(conversation_id=conversation)]
        before = await expected(serving, run_ids)
        viewer = Viewer(serving.client, url_of(conversation))
        async with asyncio.timeout(20):
            reading = asyncio.ensure_future(viewer.read(ends=1, query="?from=live"))
            await viewer.joined.wait()
            new = await serving.start("the next", conversation_id=conversation)
            await reading
        assert viewer.primer == (before[-1][0] if before else "0" * 26 + ":1-0")
        assert got(viewer)[-1] == (await expected(serving, [new]))[-1]
        assert {event.run_id for event in viewer.events()} == {new}


async def test_a_run_whose_history_is_gone_comes_as_its_snapshot_and_its_end(
    serving: "Serving",
) -> None:
    conversation = await serving.converse()
    old = await serving.start(conversation_id=conversation)
    whole = await serving.events(old)
    later = serving.agent.clock.now() + timedelta(days=40)
    await serving.agent.parts.store.trim(later, 10_000)
    new = await serving.start("again", conversation_id=conversation)
    viewer = Viewer(serving.client, url_of(conversation))
    async with asyncio.timeout(20):
        await viewer.read(ends=2)
    snapshot, end, *rest = got(viewer)
    assert (snapshot[0], snapshot[1].type) == (f"{old}:1-{len(whole) - 1}", EventType.SNAPSHOT)
    assert end == (f"{old}:1-{len(whole)}", whole[-1])
    assert rest == await expected(serving, [new])


@pytest.mark.parametrize("place", ["", "nonsense", "1-1", "RUN:1-999", "RUN:2-1", "OTHER:1-1"])
async def test_a_place_that_is_none_of_this_conversation_is_refused(
    serving: "Serving", place: str
) -> None:
    conversation, elsewhere = await serving.converse(), await serving.converse()
    run = await serving.start(conversation_id=conversation)
    other = await serving.start(conversation_id=elsewhere)
    await serving.watch(run)
    after = place.replace("RUN", run).replace("OTHER", other)
    response = await serving.client.get(url_of(conversation), params={"after": after})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


async def test_another_owners_conversation_is_not_there(serve: "Serve") -> None:
    async with serve(api_keys="ann:one-key-that-is-long,bob:two-key-that-is-long") as serving:
        ann = {"X-API-Key": "one-key-that-is-long"}
        made = await serving.client.post(
            "/api/agent/chat/conversations", json={"page_name": "home"}, headers=ann
        )
        url = url_of(made.json()["id"])
        for headers in ({"X-API-Key": "two-key-that-is-long"}, ann):
            missing = url if headers is not ann else url_of(9_999)
            response = await serving.client.get(missing, headers=headers)
            assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_its_time_is_limited_and_it_is_rejoined(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(Reply(text="Yes."), max_response_s=0.3) as serving:
        conversation = await serving.converse()
        run = await serving.start(conversation_id=conversation)
        await serving.watch(run)
        body = (await serving.client.get(url_of(conversation))).content
        assert body.endswith(b": rejoin\n\nretry: 100\n\n")
        assert SSEDecoder().feed(body)[-1].id == (await expected(serving, [run]))[-1][0]
