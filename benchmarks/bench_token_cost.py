"""What a token costs: from the model's chunk in to the viewer's bytes out, split by part.

Each part runs in a process of its own, beside a scripted model in another and viewers in this
one; the CPU time is that process's own, user and system. Every part adds to the one before:

    model     read the model's stream over HTTP, and drop it
    log       + emit, seal, encode, commit (synchronous=FULL) and publish
    viewer    + one in-process viewer a run
    server    the whole product: `tailrace serve`, one HTTP viewer a run, following over SSE

Run: make bench, or python benchmarks/bench_token_cost.py [--seconds 5]
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx2
import uvloop

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

LOADS = ((100, 100), (10, 30))
REQUEST = LLMRequest(messages=[Message("user", "go")])


def main() -> None:
    """Measure every part at every load and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each answer")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--url", default="", help=argparse.SUPPRESS)
    parser.add_argument("--runs", type=int, default=1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        cost = uvloop.run(_part(options.part, options.url, options.runs))
        sys.stdout.write(json.dumps(cost))
        return
    for runs, rate in LOADS:
        tokens = int(options.seconds * rate)
        print(f"{runs} runs x {rate} tokens/s, {tokens} tokens each")
        before = 0.0
        for part in ("model", "log", "viewer", "server"):
            cost = _measure(part, runs, rate, tokens)
            per_token_us = cost["cpu_s"] / (runs * tokens) * 1e6
            line = f"  {part:7} {per_token_us:7.1f} us/token"
            if part != "server":
                line += f"  (+{per_token_us - before:5.1f})"
            print(f"{line}  {cost['wall_s']:.1f} s, {cost['rows_per_token']:.2f} rows/token")
            before = per_token_us


def _measure(part: str, runs: int, rate: int, tokens: int) -> dict[str, float]:
    script = ["--text", "token ", "--repeat", str(tokens), "--rate", str(rate)]
    model = subprocess.Popen(
        [sys.executable, "-m", "tailrace.testing.model_server", *script, "--intent", "simple_chat"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert model.stdout is not None
        url = model.stdout.readline().strip()
        if part == "server":
            return _server(url, runs, tokens)
        command = [sys.executable, __file__, "--part", part, "--url", url, "--runs", str(runs)]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    finally:
        model.terminate()
        model.wait()


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
    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
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
            start_s, wall_s = _cpu_s(), time.perf_counter()
            async with asyncio.TaskGroup() as tasks:
                for _ in range(runs):
                    tasks.create_task(drop() if part == "model" else write(store))
            cpu_s, wall_s = _cpu_s() - start_s, time.perf_counter() - wall_s
    finally:
        await llm.aclose()
        shutil.rmtree(folder)
    return {
        "cpu_s": cpu_s,
        "wall_s": wall_s,
        "rows_per_token": counts["rows"] / counts["tokens"],
    }


async def _look(manager: StreamingManager) -> None:
    async for events in manager.view(None, 64 * 1024):
        for logged in events:
            _ = logged.data


def _server(url: str, runs: int, tokens: int) -> dict[str, float]:
    home = Path(tempfile.mkdtemp(dir=Path.cwd()))
    environment = {
        **os.environ,
        "TAILRACE_HOME": str(home),
        "TAILRACE_LLM_URL": url,
        "TAILRACE_LLM_MODEL": "scripted",
        "TAILRACE_MAX_LIVE_RUNS": str(runs),
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "tailrace", "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stdout is not None
        base = server.stdout.readline().split()[-1]
        return uvloop.run(_follow_all(base, server.pid, runs, tokens))
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(home)


async def _follow_all(base: str, pid: int, runs: int, tokens: int) -> dict[str, float]:
    limits = httpx2.Limits(max_connections=runs, max_keepalive_connections=runs)
    async with httpx2.AsyncClient(base_url=base, limits=limits, timeout=120) as client:
        await _follow(client, 0)  # what is made at first use is not what a token costs
        start_s, wall_s = _process_cpu_s(pid), time.perf_counter()
        chunks = await asyncio.gather(*(_follow(client, i) for i in range(runs)))
        cpu_s, wall_s = _process_cpu_s(pid) - start_s, time.perf_counter() - wall_s
    return {"cpu_s": cpu_s, "wall_s": wall_s, "rows_per_token": sum(chunks) / (runs * tokens)}


def _process_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
