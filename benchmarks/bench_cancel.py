"""How soon a stop is a stop: from the request to cancel until the model sees its client hang up.

A real server over HTTP and a scripted model, in one process; twenty runs for each moment.

Run: make bench, or python benchmarks/bench_cancel.py
"""

import statistics
import tempfile
import time
from pathlib import Path

import httpx2
import uvloop

from tailrace.agent import ContextAgent
from tailrace.events.types import EventType
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.agents import scripted_agent
from tailrace.testing.model_script import Fault, Reply, classify_as

ROUNDS = 20
MOMENTS = {
    "before the first token": Reply(fault=Fault.mute()),
    "in a stall": Reply(chunks=["one ", "two "], fault=Fault.stall(2)),
    "mid-answer": Reply(chunks=["word "], chunk_delay_s=0.005, fault=Fault.endless()),
}


async def main() -> None:
    """Measure each moment and print a table, in milliseconds."""
    print(f"{'':24}hung up: median   max   answered: median   max")
    for moment, reply in MOMENTS.items():
        hung_up_ms, answered_ms = await _measure(reply)
        print(
            f"{moment:24}{statistics.median(hung_up_ms):15.1f}{max(hung_up_ms):6.1f}"
            f"{statistics.median(answered_ms):19.1f}{max(answered_ms):6.1f}"
        )


async def _measure(reply: Reply) -> tuple[list[float], list[float]]:
    hung_up_ms: list[float] = []
    answered_ms: list[float] = []
    script = classify_as("simple_chat", reply)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as home:
        async with (
            scripted_agent(Path(home), script, settings=Settings(port=0)) as (agent, model),
            running(agent) as url,
            httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as client,
        ):
            for number in range(1, ROUNDS + 1):
                run = (await client.post("/api/agent/runs", json={"query": "go on"})).json()
                asked = await model.wait_for_request(2 * number)
                if reply.chunks:
                    await _first_chunk(agent, run["run_id"])
                start_s = time.monotonic()
                await client.post(f"/api/agent/runs/{run['run_id']}/cancel")
                answered_ms.append((time.monotonic() - start_s) * 1000)
                await asked.disconnected.wait()
                assert asked.disconnected_at is not None
                hung_up_ms.append((asked.disconnected_at - start_s) * 1000)
    return hung_up_ms, answered_ms


async def _first_chunk(agent: ContextAgent, run_id: str) -> None:
    async for event in agent.watch(run_id):
        if event.type is EventType.STREAM_CHUNK:
            return


if __name__ == "__main__":
    uvloop.run(main())
