"""How soon a stop is a stop: from the request to cancel until the model sees its client hang up.

A real server over HTTP in a process of its own; the scripted model and the client share this one,
and its clock. Every round stops a few runs at each moment: before the first token, in a stall,
mid-answer.

Run: make bench, or python benchmarks/bench_cancel.py [--quick]
"""

import time

import httpx2
import uvloop

from measuring import Bench, percentile
from processes import Side, tailrace_server
from tailrace.testing.model_script import ChatRequest, Fault, Reply
from tailrace.testing.model_script import classify_as as classified
from tailrace.testing.model_server import ScriptedModelServer
from viewing import watch

_RUNS = 40
_MOMENTS = {
    "before the first token": Reply(fault=Fault.mute()),
    "in a stall": Reply(chunks=["one ", "two "], fault=Fault.stall(2)),
    "mid-answer": Reply(chunks=["word "], chunk_delay_s=0.005, fault=Fault.endless()),
}


async def main() -> None:
    """Measure and print."""
    bench = Bench("cancel", __doc__)
    moment = "mid-answer"

    def reply(_: ChatRequest) -> Reply:
        return _MOMENTS[moment]

    async with ScriptedModelServer(classified("simple_chat", reply)) as model:
        with tailrace_server(model.url) as server:
            for _ in range(bench.options.rounds):
                for moment in _MOMENTS:
                    found = [await _stop(server, model, moment) for _ in range(_RUNS)]
                    hung_up_ms = sorted(hung_up for hung_up, _ in found)
                    answered_ms = sorted(answered for _, answered in found)
                    name = f"stop, {moment}"
                    p99 = percentile(hung_up_ms, 0.99)
                    bench.add(f"{name}: model's connection closed, p99", "ms", p99, at_most=100)
                    p50 = percentile(hung_up_ms, 0.5)
                    bench.add(f"{name}: model's connection closed, p50", "ms", p50)
                    p99 = percentile(answered_ms, 0.99)
                    bench.add(f"{name}: request answered, p99", "ms", p99)
    bench.finish()


async def _stop(server: Side, model: ScriptedModelServer, moment: str) -> tuple[float, float]:
    """Milliseconds until the model's client has hung up, and until the stop is answered."""
    async with httpx2.AsyncClient(base_url=server.url, trust_env=False, timeout=30) as client:
        before = len(model.requests)
        run = (await client.post("/api/agent/runs", json={"query": "go on"})).json()
        path = f"/api/agent/runs/{run['run_id']}"
        asked = await model.wait_for_request(before + 2)  # the first one asks what is meant
        if _MOMENTS[moment].chunks:
            viewer = await watch(server, f"{path}/events")
            await viewer.first_chunk
            viewer.close()
        start_s = time.monotonic()
        await client.post(f"{path}/cancel")
        answered_s = time.monotonic() - start_s
        await asked.disconnected.wait()
        assert asked.disconnected_at is not None
        return (asked.disconnected_at - start_s) * 1e3, answered_s * 1e3


if __name__ == "__main__":
    uvloop.run(main())
