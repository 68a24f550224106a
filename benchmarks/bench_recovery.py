"""How long a run is silent when its worker is killed, and another one shares the store.

Two workers, each a server in a process of its own, and a scripted model that never stops. The first
is killed at a random moment of its runs; the second takes them when their lease ends. Silence is
what the log itself says: from a run's last event before the kill to the first one of the next
attempt. The lease is shortened to two seconds; silence is told beyond it.

Run: make bench, or python benchmarks/bench_recovery.py [--quick]
"""

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import httpx2
import uvloop

from measuring import Bench
from processes import Side, home, started
from tailrace.events.event import StreamEvent
from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import SSEDecoder

_LEASE_S = 2.0
_RUNS = 8
_TAKEN_IN_S = 10.0
_ENDLESS = Reply(chunks=["word "], chunk_delay_s=0.02, fault=Fault.endless())


async def main() -> None:
    """Measure and print."""
    bench = Bench("recovery", __doc__)
    chance = random.Random(1)  # noqa: S311 - guards no secret
    async with ScriptedModelServer(classify_as("simple_chat", _ENDLESS)) as model:
        for _ in range(bench.options.rounds):
            with home() as folder:
                silent_s = await _kill(folder, model.url, 0.5 + 2 * chance.random())
            beyond_s = [each - _LEASE_S for each in silent_s]
            name = "silence beyond the lease"
            bench.add(f"{name}, the longest of {_RUNS} runs", "s", max(beyond_s), at_most=0.5)
            bench.add(f"{name}, the shortest", "s", min(beyond_s))
    bench.finish()


async def _kill(folder: Path, llm_url: str, after_s: float) -> list[float]:
    """Seconds that each run was silent for."""
    environment = {
        "TAILRACE_HOME": str(folder),
        "TAILRACE_LLM_URL": llm_url,
        "TAILRACE_LLM_MODEL": "scripted",
        "TAILRACE_LEASE_S": str(_LEASE_S),
        "TAILRACE_PORT": "0",
    }
    worker = [sys.executable, "-m", "tailrace.testing.workers"]
    with (
        started([*worker, "one"], environment) as one,
        started([*worker, "two"], environment) as two,
    ):
        async with httpx2.AsyncClient(base_url=one.url, trust_env=False, timeout=30) as client:
            runs = [await _start(client, number) for number in range(_RUNS)]
        await asyncio.sleep(after_s)
        os.kill(one.pid, signal.SIGKILL)
        async with asyncio.timeout(_TAKEN_IN_S):
            return await asyncio.gather(*(_silence(two, run_id) for run_id in runs))


async def _start(client: httpx2.AsyncClient, number: int) -> str:
    response = await client.post("/api/agent/runs", json={"query": f"go on, number {number}"})
    response.raise_for_status()
    return response.json()["run_id"]


async def _silence(server: Side, run_id: str) -> float:
    """Seconds between the last event of the first attempt and the first one of the second."""
    last: StreamEvent | None = None
    while True:
        after = "1-0" if last is None else str(last.cursor)
        for event in await _newer(server, run_id, after):
            if last is not None and event.epoch > last.epoch:
                return (event.timestamp - last.timestamp).total_seconds()
            last = event
        await asyncio.sleep(0.05)


async def _newer(server: Side, run_id: str, after: str) -> list[StreamEvent]:
    """The first events there are after a cursor; none where nothing comes for a moment."""
    decoder = SSEDecoder()
    path = f"/api/agent/runs/{run_id}/events?after={after}"
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
        try:
            async with asyncio.timeout(1), client.stream("GET", path) as response:
                async for piece in response.aiter_bytes():
                    events = [each for each in decoder.feed(piece) if each.data]
                    if events:
                        return [StreamEvent.from_json_bytes(each.data.encode()) for each in events]
        except (TimeoutError, httpx2.TransportError):
            pass
    return []


if __name__ == "__main__":
    uvloop.run(main())
