"""What a token costs: from the model's chunk in to the viewer's bytes out, split by part.

Each part runs in a process of its own, beside a scripted model in another and viewers in this
one; the CPU time is that process's own, user and system. Every part adds to the one before:

    model     read the model's stream over HTTP, and drop it
    log       + emit, seal, encode, commit (synchronous=FULL) and publish
    viewer    + one in-process viewer a run
    server    the whole product: `tailrace serve`, one HTTP viewer a run, following over SSE

Run: make bench, or python benchmarks/bench_token_cost.py [--quick]
"""

import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx2
import uvloop

from measuring import Bench
from processes import BUILD, Side, scripted_model, tailrace_server
from tailrace._clock import SYSTEM_CLOCK
from tailrace._ids import new_run_id
from tailrace.events.ending import ending
from tailrace.events.event import StreamEvent
from tailrace.events.types import Outcome
from tailrace.llm.base import LLMRequest, Message
from tailrace.llm.registry import open_llm
from tailrace.settings import Settings
from tailrace.stores.base import NewRun, Store
from tailrace.stores.registry import open_stores
from tailrace.streaming.manager import StreamingManager

_MANY = 100
_ROUNDS_IN_PARTS = 2
LOADS = ((_MANY, 100), (10, 30))
PARTS = ("model", "log", "viewer", "server")
PARTS_SAY = {
    "model": "reading the model",
    "log": "and the log",
    "viewer": "and a viewer in the process",
    "server": "the whole server, a viewer each over HTTP",
}
REQUEST = LLMRequest(messages=[Message("user", "go")])


def main() -> None:
    """Measure every part at every load."""
    if sys.argv[1:2] == ["--part"]:
        part, url, runs = sys.argv[2:]
        sys.stdout.write(json.dumps(uvloop.run(_part(part, url, int(runs)))))
        return
    bench = Bench("token_cost", __doc__, seconds=6.0)
    for number in range(bench.options.rounds):
        for runs, rate in LOADS:
            in_parts = runs == _MANY and number < _ROUNDS_IN_PARTS
            for part in PARTS if in_parts else PARTS[-1:]:
                _add(bench, part, runs, rate)
    bench.finish()


def _add(bench: Bench, part: str, runs: int, rate: int) -> None:
    tokens = int(bench.options.seconds * rate)
    cost = _measure(part, runs, rate, tokens)
    name = f"{runs} runs x {rate} tokens/s: {PARTS_SAY[part]}"
    per_token_us = cost["cpu_s"] / (runs * tokens) * 1e6
    limit = 60 if part == "server" and runs == _MANY else None
    bench.add(f"{name}, CPU a token", "us", per_token_us, at_most=limit)
    if part != "model":
        bench.add(f"{name}, chunks a token", "", cost["rows_per_token"])


def _measure(part: str, runs: int, rate: int, tokens: int) -> dict[str, float]:
    with scripted_model("token ", tokens, rate) as model:
        if part == "server":
            with tailrace_server(model.url, {"TAILRACE_MAX_LIVE_RUNS": str(runs)}) as server:
                return uvloop.run(_follow_all(server, runs, tokens))
        command = [sys.executable, __file__, "--part", part, model.url, str(runs)]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


@asynccontextmanager
async def _store(folder: Path) -> AsyncGenerator[Store]:
    store, _ = await open_stores(Settings(home=folder))
    try:
        yield store
    finally:
        await store.aclose()


async def _part(part: str, url: str, runs: int) -> dict[str, float]:
    BUILD.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    llm = open_llm(Settings(home=folder, llm_url=url, llm_model="scripted"))
    counts = {"tokens": 0, "rows": 0}

    async def drop() -> None:
        async with aclosing(llm.stream(REQUEST)) as deltas:
            async for delta in deltas:
                counts["tokens"] += bool(delta.text)

    async def write(store: Store) -> None:
        accepted = await store.create(
            NewRun(
                run_id=new_run_id(),
                owner="",
                query="go",
                request={},
                session_id="",
                conversation_id=None,
                created_at=SYSTEM_CLOCK.now(),
            )
        )
        manager = StreamingManager(accepted.run, accepted.first_event, store, 4 << 20)
        async with asyncio.TaskGroup() as tasks:
            if part == "viewer":
                tasks.create_task(_look(manager))
            async with aclosing(llm.stream(REQUEST)) as deltas:
                async for delta in deltas:
                    if delta.text:
                        counts["tokens"] += 1
                        await manager.emit(StreamEvent.create_chunk(delta.text))
            await manager.emit(ending(Outcome.ANSWERED, SYSTEM_CLOCK.now()))
            counts["rows"] += manager.fold.chunk_count

    try:
        async with _store(folder) as store:
            cpu_s = _cpu_s()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(runs):
                    tasks.create_task(drop() if part == "model" else write(store))
            cpu_s = _cpu_s() - cpu_s
    finally:
        await llm.aclose()
        shutil.rmtree(folder)
    return {"cpu_s": cpu_s, "rows_per_token": counts["rows"] / counts["tokens"]}


async def _look(manager: StreamingManager) -> None:
    async for events in manager.view(None, 64 * 1024):
        for logged in events:
            _ = logged.data


async def _follow_all(server: Side, runs: int, tokens: int) -> dict[str, float]:
    limits = httpx2.Limits(max_connections=runs, max_keepalive_connections=runs)
    async with httpx2.AsyncClient(base_url=server.url, limits=limits, timeout=120) as client:
        await _follow(client, 0)  # what is made at first use is not what a token costs
        cpu_s = server.cpu_s()
        chunks = await asyncio.gather(*(_follow(client, i) for i in range(runs)))
        cpu_s = server.cpu_s() - cpu_s
    return {"cpu_s": cpu_s, "rows_per_token": sum(chunks) / (runs * tokens)}


async def _follow(client: httpx2.AsyncClient, number: int) -> int:
    """One run over HTTP; how many chunks its viewer got."""
    body = {"query": f"Write something long, number {number}"}
    found = b""
    chunks = 0
    async with client.stream(
        "POST", "/api/agent/chat/stream?dialect=native", json=body
    ) as response:
        async for data in response.aiter_raw():
            chunks += data.count(b'"type":"stream_chunk"')
            found = data
    assert b'"outcome":"answered"' in found, found[-500:]
    return chunks


if __name__ == "__main__":
    main()
