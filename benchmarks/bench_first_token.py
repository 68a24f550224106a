"""How soon a person sees something: the first byte, and our first token behind the model's.

One run after another on the real server (`tailrace serve`, all nodes, synchronous=FULL); the model
and the viewer are in this process and share its clock. The first byte counts from the moment the
question's bytes leave; the first token from the moment the model sends its own.

Run: make bench, or python benchmarks/bench_first_token.py [--quick]
"""

import asyncio
import time

import uvloop

from measuring import Bench, percentile
from processes import Side, tailrace_server
from tailrace.testing.model_script import Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from viewing import ask

_RUNS = 40


class _Model:
    """A model that notes when it sends its first token."""

    def __init__(self) -> None:
        self.sent_ns = 0
        self.reply = Reply(chunks=["token "] * 5, before_chunk=self._before)

    async def _before(self, chunks_sent: int) -> None:
        await asyncio.sleep(0.01)
        if chunks_sent == 0:
            self.sent_ns = time.monotonic_ns()


async def main() -> None:
    """Measure and print."""
    bench = Bench("first_token", __doc__)
    model = _Model()
    async with ScriptedModelServer(classify_as("simple_chat", model.reply)) as scripted:
        with tailrace_server(scripted.url) as server:
            await _one(server, model, -1)
            for each in range(bench.options.rounds):
                found = [await _one(server, model, each * _RUNS + i) for i in range(_RUNS)]
                for share, name in ((0.5, "p50"), (0.99, "p99")):
                    first_byte = percentile(sorted(byte for byte, _ in found), share)
                    behind = percentile(sorted(token for _, token in found), share)
                    bench.add(f"first byte of a new run, {name}", "ms", first_byte)
                    bench.add(f"our first token behind the model's, {name}", "ms", behind)
    bench.finish()


async def _one(server: Side, model: _Model, number: int) -> tuple[float, float]:
    """Milliseconds to the first byte, and from the model's first token to ours."""
    asked_ns = time.monotonic_ns()
    viewer = await ask(server, f"Write something, number {number}")
    first_byte_ns = await viewer.begun
    first_chunk_ns = await viewer.first_chunk
    await viewer.ended
    return (first_byte_ns - asked_ns) / 1e6, (first_chunk_ns - model.sent_ns) / 1e6


if __name__ == "__main__":
    uvloop.run(main())
