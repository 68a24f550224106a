"""Testing floor: workers, agents of several processes on one store, as a test may kill or pause.

One process owns a home, so the embedded store has one worker by its lock. Here each worker has a
lock of its own instead, and a name; what keeps their runs apart is the store's leases alone.

`python -m tailrace.testing.workers NAME` serves as such a worker; its first line is its URL.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.agent import ContextAgent
from tailrace.agent.home import Home
from tailrace.agent.parts import open_parts
from tailrace.server.serve import new_event_loop, running
from tailrace.settings import Settings


@asynccontextmanager
async def worker_agent(
    name: str, settings: Settings, clock: Clock = SYSTEM_CLOCK
) -> AsyncGenerator[ContextAgent, None]:
    """The agent of worker `name` on the store in `settings.home`, at work."""
    async with AsyncExitStack() as stack:
        home = Home.lock(settings.home / "workers" / name)
        stack.callback(home.unlock)
        parts = await stack.enter_async_context(open_parts(settings, clock))
        agent = ContextAgent(replace(parts, worker=name), home, clock)
        await stack.enter_async_context(agent.at_work())
        yield agent


async def _serve(name: str, settings: Settings) -> None:
    async with worker_agent(name, settings) as agent, running(agent) as url:
        sys.stdout.write(url + "\n")
        sys.stdout.flush()
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """Serve as the worker named on the command line, until killed."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(sys.argv[1], Settings.from_environment(os.environ)))


if __name__ == "__main__":
    main()
