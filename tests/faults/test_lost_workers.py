"""Workers that share a store: what one that is paused or dead had, the other goes on with.

SQLite keeps one home for one process; two of them share a file here, with nothing but the store's
leases between them, which is what a store for several nodes has to offer too.
"""

import asyncio
import os
import random
import signal
import sqlite3
import sys
from asyncio.subprocess import Process
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from tailrace.client import AsyncClient
from tailrace.testing.fault_proxy import FaultProxy
from tailrace.testing.model_script import Reply
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.testing.served import worker_process

from .rounds import ANSWER, CHAT, Conversation, ask, check_all, conversations, follow, scripted

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="it has no such signals"),
    pytest.mark.timeout(300),
]

RUNS = 2
LEASE_S = 0.5
MANY = "1000"  # on a busy machine a lease of half a second may end under a worker that lives


async def pause(process: Process, home: Path) -> None:
    """Stop the process; not within a transaction, for SQLite's lock would stop all the others."""
    while True:
        process.send_signal(signal.SIGSTOP)
        await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WSTOPPED)
        with closing(sqlite3.connect(home / "tailrace.db", timeout=0.5)) as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                database.rollback()
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
                await asyncio.sleep(0.01)
            else:
                return


async def is_awake(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, trust_env=False, timeout=30) as http:
        (await http.get("/healthz")).raise_for_status()


@pytest.mark.parametrize(
    ("seed", "rounds"),
    [
        pytest.param(0, 3, id="3 rounds"),
        *(
            pytest.param(seed, 10, id=f"10 rounds, seed {seed}", marks=pytest.mark.slow)
            for seed in range(1, 6)
        ),
    ],
)
async def test_a_worker_that_was_paused_past_its_lease_changes_nothing_when_it_goes_on(
    tmp_path: Path, seed: int, rounds: int
) -> None:
    chance, asked = random.Random(seed), list[Conversation]()
    leases = {"LEASE_S": str(LEASE_S), "MAX_ATTEMPTS": MANY}
    async with (
        ScriptedModelServer(scripted()) as model,
        worker_process("one", tmp_path, model.url, **leases) as one,
        worker_process("two", tmp_path, model.url, **leases) as two,
        FaultProxy("") as proxy,
        AsyncClient(proxy.url) as client,
    ):
        for number in range(rounds):
            (paused, url), (_, proxy_later) = (one, two) if number % 2 else (two, one)
            proxy.target_url = url
            proxy.cut()  # what was kept open leads to the other one
            new = await conversations(url, RUNS)
            asked += new
            async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                for each in new:
                    await ask(each, client, CHAT)
                    tasks.create_task(follow(each, client, 0))
                    tasks.create_task(follow(each, client, 1))
                await asyncio.sleep(chance.uniform(0.0, 0.4))
                await pause(paused, tmp_path)
                proxy.target_url = proxy_later
                proxy.cut()
            check_all(tmp_path, new)
            paused.send_signal(signal.SIGCONT)
            await is_awake(url)
        async with asyncio.timeout(30):
            for request in model.requests:
                await request.finished.wait()
        check_all(tmp_path, asked)


@pytest.mark.slow
async def test_a_run_whose_worker_died_is_silent_for_its_lease_and_half_a_second(
    tmp_path: Path,
) -> None:
    leases = {"LEASE_S": "2", "MAX_ATTEMPTS": MANY}
    silences_s: list[float] = []
    async with (
        ScriptedModelServer(scripted(Reply(ANSWER, chunk_delay_s=0.02))) as model,
        AsyncExitStack() as dying,
        FaultProxy("") as proxy,
        AsyncClient(proxy.url) as client,
        worker_process("two", tmp_path, model.url, **leases) as (_, other_url),
    ):
        for _ in range(10):
            process, proxy.target_url = await dying.enter_async_context(
                worker_process("one", tmp_path, model.url, **leases)
            )
            proxy.cut()  # what was kept open leads to the other one
            (asked,) = await conversations(proxy.target_url, 1)
            async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
                await ask(asked, client, CHAT)
                tasks.create_task(follow(asked, client, 0))
                tasks.create_task(follow(asked, client, 1))
                await asyncio.sleep(0.2)
                process.kill()
                died_at = datetime.now(UTC)
                await dying.aclose()
                proxy.target_url = other_url
            check_all(tmp_path, [asked])
            spoken_at = next(event.timestamp for event in asked.seen[0] if event.epoch == 2)
            silences_s.append((spoken_at - died_at).total_seconds())
    print(f"silent for {sorted(silences_s)} s")  # noqa: T201 - the figure that is published
    assert max(silences_s) <= 2.5
