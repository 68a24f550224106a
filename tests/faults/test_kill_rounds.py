"""A server that is killed again and again, at any moment: no run is lost, doubled or stuck."""

import asyncio
import random
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tailrace.client import AsyncClient
from tailrace.testing.fault_proxy import FaultProxy
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.testing.served import forked_process

from .rounds import CHAT, SEARCH, ask, check_all, conversations, follow, scripted

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGKILL")

RUNS = 3
LONGEST_S = 0.9
"""By then the last of the runs has about ended."""


@pytest.mark.parametrize(
    ("seed", "rounds"),
    [
        pytest.param(0, 10, id="10 rounds"),
        *(
            pytest.param(seed, 20, id=f"20 rounds, seed {seed}", marks=pytest.mark.slow)
            for seed in range(1, 11)
        ),
    ],
)
@pytest.mark.timeout(300)
async def test_whenever_a_server_is_killed_each_run_goes_on_for_both_its_viewers(
    tmp_path: Path, seed: int, rounds: int
) -> None:
    chance = random.Random(seed)
    async with (
        ScriptedModelServer(scripted()) as model,
        AsyncExitStack() as server,
        FaultProxy("") as proxy,
        AsyncClient(proxy.url) as client,
    ):
        process, proxy.target_url = await server.enter_async_context(
            forked_process(tmp_path, model.url)
        )
        port = int(proxy.target_url.rpartition(":")[2])
        for _ in range(rounds):
            asked = await conversations(proxy.url, RUNS)
            kill_s = chance.uniform(0.0, LONGEST_S)
            async with asyncio.timeout(40), asyncio.TaskGroup() as tasks:
                for each in asked:
                    await ask(each, client, chance.choice([CHAT, SEARCH]))
                    tasks.create_task(follow(each, client, 0))
                    tasks.create_task(follow(each, client, 1))
                await asyncio.sleep(kill_s)
                proxy.hold()  # who comes meanwhile waits, instead of trying in vain for seconds
                process.kill()
                await server.aclose()
                process, _ = await server.enter_async_context(
                    forked_process(tmp_path, model.url, port)
                )
                proxy.release()
            check_all(tmp_path, asked)
