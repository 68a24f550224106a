"""What it takes to join a long run: rejoined from its start, and met by a snapshot.

A real server over HTTP in a process of its own. Rejoining counts until the last byte there is of
5,000 events. A snapshot of 100,000 events counts until it is here whole: from a live run that
nobody had asked for one, from the same run again, and from the run once it has ended; its bytes are
held against the JSON of what it says.

Run: make bench, or python benchmarks/bench_join.py [--quick]
"""

import json
import time
from typing import Any

import httpx2
import msgspec
import uvloop

from measuring import Bench
from processes import side
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.wire.sse import SSEDecoder

_SHORT, _LONG = 5_000, 100_000


async def main() -> None:
    """Measure and print."""
    bench = Bench("join", __doc__)
    length = _SHORT if bench.options.quick else _LONG
    with side("long_runs") as server:
        async with httpx2.AsyncClient(base_url=server.url, trust_env=False, timeout=600) as client:
            for _ in range(bench.options.rounds):
                await _rejoin(bench, client)
                await _snapshot(bench, client, length)
    bench.finish()


async def _rejoin(bench: Bench, client: httpx2.AsyncClient) -> None:
    run_id, last_seq = await _long_run(client, _SHORT)
    live_ms, live = await _until(client, run_id, {"Last-Event-ID": "1-1"}, last_seq)
    await client.post(f"/api/agent/runs/{run_id}/cancel")
    ended_ms, ended = await _until(client, run_id, {"Last-Event-ID": "1-1"}, last_seq + 1)
    assert [event.seq for event in live] == list(range(2, last_seq + 1))
    assert ended[: len(live)] == live
    bench.add("rejoin of 5,000 events, live", "ms", live_ms, at_most=200)
    bench.add("rejoin of 5,000 events, ended", "ms", ended_ms, at_most=200)


async def _snapshot(bench: Bench, client: httpx2.AsyncClient, length: int) -> None:
    run_id, last_seq = await _long_run(client, length)
    name = "snapshot join of 100,000 events"
    first_ms, [snapshot] = await _until(client, run_id, {}, last_seq, "?from=snapshot")
    again_ms, _ = await _until(client, run_id, {}, last_seq, "?from=snapshot")
    await client.post(f"/api/agent/runs/{run_id}/cancel")
    ended_ms, met = await _until(client, run_id, {}, last_seq + 1, "?from=snapshot")
    fold = RunFold.restored(snapshot)
    assert [event.seq for event in met] == [last_seq, last_seq + 1]
    assert fold.chunk_count == length
    bench.add(f"{name}, live, the first", "ms", first_ms, at_most=50)
    bench.add(f"{name}, live, a further one", "ms", again_ms, at_most=50)
    bench.add(f"{name}, ended", "ms", ended_ms, at_most=50)
    size = len(snapshot.to_json_bytes()) / len(_state_of(fold))
    bench.add(f"{name}: bytes, against the folded state's JSON", "x", size, at_most=1.1)


def _state_of(fold: RunFold) -> bytes:
    """What the run amounts to, as JSON."""
    return msgspec.json.encode(
        {
            "last_seq": fold.last_seq,
            "text": fold.text,
            "reasoning": fold.reasoning,
            "stage": fold.stage,
            "progress": fold.progress,
            "thinking": fold.thinking,
            "statuses": fold.statuses,
            "sources": fold.sources,
            "tools": fold.tools,
            "usage": fold.usage,
        }
    )


async def _long_run(client: httpx2.AsyncClient, length: int) -> tuple[str, int]:
    """A live run that has said `length` tokens, and waits; and the seq of its newest event."""
    started = await client.post("/api/agent/runs", json={"query": str(length)})
    run_id = str(started.json()["run_id"])
    url = f"/api/agent/runs/{run_id}/events"
    cursor, chunks = "1-0", 0
    while chunks < length:  # each request waits for what comes; none of them asks for a snapshot
        answer = await client.get(
            url, params={"after": cursor, "wait_s": 20}, headers={"Accept": "application/json"}
        )
        page: dict[str, Any] = json.loads(answer.content)
        chunks += sum(event["type"] == "stream_chunk" for event in page["events"])
        cursor = page["cursor"]
    return run_id, int(cursor.partition("-")[2])


async def _until(
    client: httpx2.AsyncClient,
    run_id: str,
    headers: dict[str, str],
    last_seq: int,
    query: str = "",
) -> tuple[float, list[StreamEvent]]:
    """Milliseconds until the event `last_seq` is here, and all that came."""
    data, mark = bytearray(), b"id: 1-%d\n" % last_seq
    start_s = time.perf_counter()
    url = f"/api/agent/runs/{run_id}/events{query}"
    async with client.stream("GET", url, headers=headers) as response:
        assert not response.is_error, response.status_code
        async for piece in response.aiter_raw():
            data += piece
            if data.endswith(b"\n\n") and data.rfind(mark, max(0, len(data) - (1 << 21))) >= 0:
                break
        took_ms = (time.perf_counter() - start_s) * 1000
    frames = SSEDecoder().feed(bytes(data))
    return took_ms, [StreamEvent.from_json_bytes(frame.data.encode()) for frame in frames]


if __name__ == "__main__":
    uvloop.run(main())
