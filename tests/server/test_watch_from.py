"""Where a viewer may begin, in what form it gets what, and what it is refused."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest

from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.receipt import Receipt
from tailrace.events.types import EventType
from tailrace.testing.model_script import Reply
from tailrace.wire.sse import ServerSentEvent, SSEDecoder

if TYPE_CHECKING:
    from conftest import Serve, Serving

ANSWER = "One two three four."
JSON = {"Accept": "application/json"}


def event_of(frame: ServerSentEvent) -> StreamEvent:
    return StreamEvent.from_json_bytes(frame.data.encode())


@asynccontextmanager
async def half_an_answer(serve: "Serve") -> AsyncGenerator[tuple["Serving", str, asyncio.Event]]:
    """A run that has said "One two", and says the rest once the event is set."""
    go_on = asyncio.Event()

    async def gate(sent: int) -> None:
        if sent == 2:
            await go_on.wait()

    reply = Reply(chunks=["One ", "two ", "three ", "four."], before_chunk=gate)
    async with asyncio.timeout(30), serve(reply) as serving:
        run_id = await serving.start()
        text = ""
        async for event in serving.agent.watch(run_id):
            text += event.content if event.type is EventType.STREAM_CHUNK else ""
            if text == "One two ":
                break
        yield serving, run_id, go_on


async def test_a_snapshot_of_an_ended_run_is_one_event_and_its_end(serving: "Serving") -> None:
    run_id = await serving.start()
    whole = await serving.events(run_id)
    frames = await serving.watch(run_id, "?from=snapshot")
    snapshot, end = (event_of(frame) for frame in frames)
    assert (snapshot.type, snapshot.content) == (EventType.SNAPSHOT, ANSWER)
    assert [frame.id for frame in frames] == [f"1-{len(whole) - 1}", f"1-{len(whole)}"]
    assert end == whole[-1]
    fold = RunFold.restored(snapshot)
    assert fold.statuses == fold_of(whole).statuses


def fold_of(events: list[StreamEvent]) -> RunFold:
    fold = RunFold()
    for event in events:
        fold.apply(event)
    return fold


async def test_a_snapshot_of_a_live_run_goes_on_with_its_tail(serve: "Serve") -> None:
    async with half_an_answer(serve) as (serving, run_id, go_on):
        url = f"/api/agent/runs/{run_id}/events?from=snapshot"
        decoder, receipt = SSEDecoder(), Receipt()
        async with serving.client.stream("GET", url) as response:
            async for piece in response.aiter_raw():
                for frame in decoder.feed(piece):
                    receipt.take(event_of(frame))
                    if receipt.fold.text == "One two ":
                        go_on.set()
        whole = fold_of(await serving.events(run_id))
        assert receipt.problems == []
        assert receipt.fold.snapshot() == whole.snapshot()


async def test_a_reader_that_reconnects_with_its_cursor_gets_the_tail(serving: "Serving") -> None:
    run_id = await serving.start()
    whole = await serving.watch(run_id)
    for start in ("start", "snapshot", "live"):
        frames = await serving.watch(
            run_id, f"?from={start}", headers={"Last-Event-ID": whole[2].id}
        )
        assert frames == whole[3:]


async def test_live_begins_with_what_comes_from_now_on(serve: "Serve") -> None:
    async with half_an_answer(serve) as (serving, run_id, go_on):
        url = f"/api/agent/runs/{run_id}/events?from=live"
        async with serving.client.stream("GET", url) as response:
            pieces = response.aiter_raw()
            head = await anext(pieces)
            primer = head.partition(b"id: ")[2].split(b"\n")[0].decode()
            go_on.set()
            body = b"".join([head, *[piece async for piece in pieces]])
        whole = await serving.watch(run_id)
        assert SSEDecoder().feed(body) == whole[int(primer.partition("-")[2]) :]
        assert primer != "1-0"
        response = await serving.client.get(url)
        assert (response.status_code, response.headers["x-run-status"]) == (204, "completed")


async def test_a_client_that_polls_gets_every_event_once(serve: "Serve") -> None:
    async with half_an_answer(serve) as (serving, run_id, go_on):
        url = f"/api/agent/runs/{run_id}/events"
        events: list[object] = []
        cursor, done = "1-0", False
        while not done:
            answer = await serving.client.get(
                url, params={"after": cursor, "wait_s": "20"}, headers=JSON
            )
            page = answer.json()
            events += page["events"]
            cursor, done = page["cursor"], page["done"]
            assert page["status"] == answer.headers["x-run-status"]
            go_on.set()
        assert events == [event.to_dict() for event in await serving.events(run_id)]
        last = await serving.client.get(f"{url}?after={cursor}", headers=JSON)
        assert (last.status_code, last.content) == (204, b"")


async def test_a_poll_that_brings_nothing_says_where_to_go_on(serve: "Serve") -> None:
    async with half_an_answer(serve) as (serving, run_id, go_on):
        url = f"/api/agent/runs/{run_id}/events?from=live"
        page = (await serving.client.get(url, headers=JSON)).json()
        seq = (await serving.agent.parts.store.get_run(run_id, "")).last_seq
        assert page == {"events": [], "cursor": f"1-{seq}", "status": "running", "done": False}
        waiting = asyncio.ensure_future(
            serving.client.get(f"{url}&after=1-{seq}&wait_s=20", headers=JSON),
        )
        await asyncio.sleep(0)
        go_on.set()
        page = (await waiting).json()
        assert page["events"][0]["seq"] == seq + 1


async def test_a_poll_for_a_snapshot_brings_it(serving: "Serving") -> None:
    run_id = await serving.start()
    await serving.watch(run_id)
    url = f"/api/agent/runs/{run_id}/events?from=snapshot"
    page = (await serving.client.get(url, headers=JSON)).json()
    assert [event["type"] for event in page["events"]] == ["snapshot", "stream_complete"]
    assert page["done"]


@pytest.mark.parametrize(
    "query", ["wait_s=61", "wait_s=-1", "wait_s=x", "from=middle", "heartbeat=never"]
)
async def test_what_it_cannot_do_is_refused(serving: "Serving", query: str) -> None:
    run_id = await serving.start()
    response = await serving.client.get(f"/api/agent/runs/{run_id}/events?{query}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("headers", [JSON, {"Accept": "text/event-stream"}])
async def test_a_dialect_with_a_memory_takes_no_snapshot(
    serving: "Serving", headers: dict[str, str]
) -> None:
    run_id = await serving.start()
    url = f"/api/agent/runs/{run_id}/events?from=snapshot&dialect=seed"
    response = await serving.client.get(url, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


async def test_a_wrong_cursor_is_told_how_the_run_stands(serving: "Serving") -> None:
    run_id = await serving.start()
    await serving.watch(run_id)
    response = await serving.client.get(f"/api/agent/runs/{run_id}/events?after=1-999")
    assert (response.status_code, response.headers["x-run-status"]) == (400, "completed")


async def trimmed_run(serving: "Serving") -> tuple[str, list[StreamEvent]]:
    """A run that has ended, all but the end of which was let go of; and what it said."""
    run_id = await serving.start()
    whole = await serving.events(run_id)
    later = serving.agent.clock.now() + timedelta(days=40)
    await serving.agent.parts.store.trim(later, 10_000)
    return run_id, whole


@pytest.mark.parametrize("headers", [{}, JSON])
async def test_history_that_is_gone_is_410_with_where_to_get_what_it_amounts_to(
    serving: "Serving", headers: dict[str, str]
) -> None:
    run_id, whole = await trimmed_run(serving)
    url = f"/api/agent/runs/{run_id}/events"
    for query in ["", "?after=1-0", "?after=1-2", f"?dialect=seed&after=1-{len(whole) - 1}"]:
        gone = await serving.client.get(url + query, headers=headers)
        assert gone.status_code == 410, query
        problem = gone.json()
        assert (problem["code"], problem["snapshot_url"]) == (
            "history_trimmed",
            f"{url}?from=snapshot",
        )
        assert gone.headers["link"] == f'<{url}?from=snapshot>; rel="alternate"'
        assert gone.headers["x-run-status"] == "completed"
    snapshot, end = [event_of(frame) for frame in await serving.watch(run_id, "?from=snapshot")]
    assert (snapshot.content, end) == (ANSWER, whole[-1])
    rest = await serving.watch(run_id, f"?after=1-{len(whole) - 1}")
    assert [event_of(frame) for frame in rest] == whole[-1:]
    ended = await serving.client.get(f"{url}?after=1-{len(whole)}")
    assert ended.status_code == 204


async def test_a_silence_can_be_broken_by_name(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(asks="Which one?", heartbeat_s=0.05) as serving:
        run_id = await serving.start(interactive=True)
        await serving.agent.passed(run_id)
        url = f"/api/agent/runs/{run_id}/events?heartbeat=event&from=live"
        decoder, frames = SSEDecoder(), list[ServerSentEvent]()
        async with serving.client.stream("GET", url) as response:
            async for piece in response.aiter_raw():
                if frames := decoder.feed(piece):
                    break
        assert frames == [ServerSentEvent("{}", "heartbeat", decoder.last_event_id)]
        assert decoder.comments == 0


async def test_a_response_whose_time_is_up_ends_whole_and_is_rejoined(serve: "Serve") -> None:
    async with (
        asyncio.timeout(20),
        serve(asks="Which one?", max_response_s=0.1) as serving,
        httpx2.AsyncClient(base_url=serving.url, trust_env=False) as client,
    ):
        run_id = await serving.start(interactive=True)
        await serving.agent.passed(run_id)
        url = f"/api/agent/runs/{run_id}/events"
        body = (await client.get(url)).content  # it raises where a body is cut off
        assert body.endswith(b": rejoin\n\nretry: 100\n\n")
        frames = SSEDecoder().feed(body)
        assert [event_of(frame).seq for frame in frames] == list(range(1, len(frames) + 1))
        again = (await client.get(url, headers={"Last-Event-ID": frames[-1].id})).content
        assert SSEDecoder().feed(again) == []


async def test_who_may_have_no_more_streams_can_poll(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(asks="Which one?", max_streams=1) as serving:
        run_id = await serving.start(interactive=True)
        url = f"/api/agent/runs/{run_id}/events"
        async with serving.client.stream("GET", url):
            refused = await serving.client.get(url)
            page = (await serving.client.get(f"{url}?wait_s=10", headers=JSON)).json()
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert page["events"][0]["seq"] == 1


async def test_a_viewer_that_is_sent_away_has_not_left(serve: "Serve") -> None:
    async with asyncio.timeout(20), serve(asks="Which one?", max_response_s=0.1) as serving:
        run_id = await serving.start(interactive=True, on_disconnect="cancel")
        await serving.agent.passed(run_id)
        frames = await serving.watch(run_id)
        assert frames[-1].id == (await serving.watch(run_id))[-1].id
        run = await serving.agent.parts.store.get_run(run_id, "")
        assert run.state.value == "waiting"
