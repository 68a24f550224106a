"""Watching a run: every cursor, every refusal, live and ended."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from tailrace.testing.model_script import Reply

if TYPE_CHECKING:
    from conftest import Serve, Serving

ANSWER = "One two three four."


async def test_every_cursor_of_an_ended_run_gives_exactly_what_follows(serving: "Serving") -> None:
    run_id = await serving.start()
    whole = await serving.watch(run_id)
    ids = [frame.id for frame in whole]
    assert ids == [f"1-{seq}" for seq in range(1, len(ids) + 1)]
    for seq in range(len(ids)):
        by_header = await serving.watch(run_id, headers={"Last-Event-ID": f"1-{seq}"})
        by_query = await serving.watch(run_id, f"?after=1-{seq}")
        assert by_header == by_query == whole[seq:]
    response = await serving.client.get(f"/api/agent/runs/{run_id}/events?after={ids[-1]}")
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["x-run-status"] == "completed"


def by_event(content: bytes) -> list[tuple[int, bytes]]:
    """Each frame with the seq of its event, which the last frame of the event tells."""
    frames, seq = content.split(b"\n\n")[2:-1], 0
    out: list[tuple[int, bytes]] = []
    for frame in reversed(frames):
        id_line = frame.partition(b"\n")[0]
        seq = int(id_line[6:]) if id_line.startswith(b"id: 1-") else seq
        out.append((seq, frame))
    return out[::-1]


async def test_a_stateful_dialect_gives_after_a_cursor_what_it_gives_from_the_start(
    serving: "Serving",
) -> None:
    run_id = await serving.start()
    url = f"/api/agent/runs/{run_id}/events?dialect=seed"
    whole = by_event((await serving.client.get(url)).content)
    last_seq = whole[-1][0]
    for cursor in range(last_seq):
        rest = await serving.client.get(f"{url}&after=1-{cursor}")
        assert by_event(rest.content) == [(seq, frame) for seq, frame in whole if seq > cursor]


async def test_last_event_id_wins_over_the_address(serving: "Serving") -> None:
    run_id = await serving.start()
    whole = await serving.watch(run_id)
    frames = await serving.watch(run_id, "?after=1-1", headers={"Last-Event-ID": "1-3"})
    assert frames == whole[3:]
    frames = await serving.watch(run_id, "?from=start")
    assert frames == whole


async def test_a_viewer_may_come_and_go_while_the_run_goes_on(serve: "Serve") -> None:
    steps = asyncio.Semaphore(0)

    async def gate(_sent: int) -> None:
        await steps.acquire()

    async with asyncio.timeout(20), serve(Reply(text=ANSWER, before_chunk=gate)) as serving:
        run_id = await serving.start()
        steps.release()
        seen = b""
        url = f"/api/agent/runs/{run_id}/events"
        async with serving.client.stream("GET", url) as response:
            assert response.headers["x-run-status"] in {"queued", "running"}
            assert response.headers["x-run-id"] == run_id
            async for piece in response.aiter_raw():
                seen += piece
                if b"stream_chunk" in seen:
                    break
        cursor = seen.rpartition(b"id: ")[2].split(b"\n")[0].decode()
        for _ in range(9):
            steps.release()
        rest = await serving.watch(run_id, headers={"Last-Event-ID": cursor})
        whole = await serving.watch(run_id)
        assert rest == whole[int(cursor.partition("-")[2]) :]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "1",
        "1-",
        "-1",
        "1-01",
        "1--1",
        "1-2-3",
        "1-99999",
        "2-1",
        "0-1",
        "1-1.0",
        "1-1x",
        "\u0661-\u0662",
        "1-" + "9" * 5000,
    ],
)
async def test_a_cursor_that_is_none_of_this_log_is_refused(
    serving: "Serving", cursor: str
) -> None:
    run_id = await serving.start()
    await serving.watch(run_id)
    url = f"/api/agent/runs/{run_id}/events"
    response = await serving.client.get(url, params={"after": cursor})
    assert response.status_code == 400, response.text
    assert response.json()["code"] == "invalid_cursor"
    if cursor.isascii() and cursor:
        response = await serving.client.get(url, headers={"Last-Event-ID": cursor})
        assert response.status_code == 400


@pytest.mark.parametrize("run_id", ["0" * 26, "x", "%00", "a" * 3000, "..%2Fruns", "\u0661" * 26])
async def test_a_run_that_is_not_there_is_404_everywhere(serving: "Serving", run_id: str) -> None:
    for method, tail in [("GET", ""), ("GET", "/events"), ("POST", "/cancel")]:
        response = await serving.client.request(method, f"/api/agent/runs/{run_id}{tail}")
        assert response.status_code == 404
        assert response.json()["code"] == "not_found"


async def test_runs_are_listed_newest_first_page_by_page(serving: "Serving") -> None:
    ids = [await serving.start(f"question {n}") for n in range(3)]
    first = (await serving.client.get("/api/agent/runs?limit=2")).json()["items"]
    assert [run["run_id"] for run in first] == ids[:0:-1]
    url = f"/api/agent/runs?limit=2&before={ids[1]}"
    assert [r["run_id"] for r in (await serving.client.get(url)).json()["items"]] == ids[:1]
    for bad in ["limit=0", "limit=201", "limit=x"]:
        assert (await serving.client.get(f"/api/agent/runs?{bad}")).status_code == 422
    assert (await serving.client.get("/api/agent/runs?before=x")).status_code == 404


async def test_a_run_shows_its_state_and_its_text(serving: "Serving") -> None:
    started = await serving.client.post("/api/agent/runs", json={"query": "hello"})
    run_id = started.json()["run_id"]
    assert started.status_code == 202
    assert started.headers["location"] == f"/api/agent/runs/{run_id}"
    await serving.watch(run_id)
    run = (await serving.client.get(started.headers["location"])).json()
    assert (run["state"], run["stage"], run["outcome"]) == ("completed", "completed", "answered")
    assert (run["text"], run["error"]) == (ANSWER, None)
