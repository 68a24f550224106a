"""Whether a log that is long is slower to write: an append at 50,000 events against one at 1,000.

Two runs in one store at synchronous=FULL, written by their own StreamingManager in turns, event by
event, each waiting for its commit. The CPU figure leaves out what else keeps the disk busy.

Run: make bench, or python benchmarks/bench_append.py [--quick]
"""

import resource
import time

import uvloop

from measuring import Bench
from processes import home
from tailrace._clock import SYSTEM_CLOCK
from tailrace._ids import new_run_id
from tailrace.events.event import StreamEvent
from tailrace.events.types import EventType, WorkflowStage
from tailrace.settings import Settings
from tailrace.stores.base import NewRun, Store
from tailrace.stores.registry import open_stores
from tailrace.streaming.manager import StreamingManager

_SHORT, _LONG = 1_000, 50_000
_APPENDS = 300


async def main() -> None:
    """Measure and print."""
    bench = Bench("append", __doc__, rounds=7)
    with home() as folder:
        store, _ = await open_stores(Settings(home=folder))
        short = await _filled(store, _SHORT)
        long = await _filled(store, _SHORT * 2 if bench.options.quick else _LONG)
        await _append(short)
        await _append(long)
        for _ in range(bench.options.rounds):
            wall_short, cpu_short = await _append(short)
            wall_long, cpu_long = await _append(long)
            name = "append at 50,000 events, against at 1,000"
            bench.add(f"{name}: CPU", "x", cpu_long / cpu_short, at_most=1.5)
            bench.add(f"{name}: until committed", "x", wall_long / wall_short, at_most=1.5)
            bench.add("append at 1,000 events: CPU", "us", cpu_short * 1e6)
            bench.add("append at 1,000 events: until committed", "us", wall_short * 1e6)
        await store.aclose()
    bench.finish()


async def _filled(store: Store, count: int) -> StreamingManager:
    """A run whose log has `count` events."""
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
    manager = StreamingManager(
        accepted.run, accepted.first_event, store, Settings().log_memory_bytes
    )
    for number in range(1, count // 2):
        await manager.emit(StreamEvent.create_chunk(f"token {number} "))
        await manager.emit(_status(number))  # between chunks, which would melt otherwise
    await manager.settled()
    return manager


async def _append(manager: StreamingManager) -> tuple[float, float]:
    """Seconds, and CPU seconds of this process, for one event and its commit."""
    start_s, cpu_s = time.perf_counter(), _cpu_s()
    for number in range(_APPENDS):
        event = StreamEvent.create_chunk("token ") if number % 2 else _status(number)
        await manager.emit(event)
        await manager.settled()
    return (time.perf_counter() - start_s) / _APPENDS, (_cpu_s() - cpu_s) / _APPENDS


def _status(number: int) -> StreamEvent:
    return StreamEvent(
        type=EventType.RUNNING, content=f"Step {number}", stage=WorkflowStage.EXECUTION
    )


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    uvloop.run(main())
