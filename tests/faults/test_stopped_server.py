"""A server that is asked to stop leaves its runs to the next, and its viewers come back there."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import aclosing
from pathlib import Path

import httpx2
import pytest

from tailrace.client import AsyncClient
from tailrace.testing.model_script import Reply
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.testing.served import SERVE, environment, served_process
from tailrace.wire.sse import SSEDecoder

from .rounds import ANSWER, CHAT, ask, check_all, conversations, follow, scripted


async def stop_while_following(url: str, process: Process, decoder: SSEDecoder) -> None:
    """Follow a run, ask its server to stop after some events, and follow on."""
    frames, asked = 0, False
    async with (
        httpx2.AsyncClient(trust_env=False) as http,
        http.stream("GET", url) as response,
        aclosing(response.aiter_raw()) as pieces,
    ):
        async for data in pieces:
            frames += len(decoder.feed(data))
            if not asked and frames > 20:
                asked = True
                process.send_signal(signal.SIGTERM)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
async def test_a_server_that_stops_tells_its_viewers_to_come_back_and_the_next_goes_on(
    tmp_path: Path,
) -> None:
    slow = Reply(ANSWER, chunk_delay_s=0.01)
    async with asyncio.timeout(50), ScriptedModelServer(scripted(slow)) as model:
        async with served_process(tmp_path, model.url) as (process, url):
            client = AsyncClient(url)
            (asked,) = await conversations(url, 1)
            await ask(asked, client, CHAT)
            following = [asyncio.create_task(follow(asked, client, each)) for each in range(2)]
            decoder = SSEDecoder()
            with pytest.raises(httpx2.RemoteProtocolError):  # which no reader takes for an end
                await stop_while_following(
                    f"{url}/api/agent/runs/{asked.run_id}/events", process, decoder
                )
            assert (decoder.retry_ms, decoder.last_event_id.startswith("1-")) == (1_000, True)
            assert await process.wait() == 0
        async with served_process(tmp_path, model.url, int(url.rpartition(":")[2])):
            await asyncio.gather(*following)
            runs = await client.list_runs()
        await client.aclose()
        check_all(tmp_path, [asked])
        assert [run["run_id"] for run in runs] == [asked.run_id]


async def test_a_second_server_of_a_home_is_refused_and_told_where_the_first_is(
    tmp_path: Path,
) -> None:
    async with asyncio.timeout(50), served_process(tmp_path, "http://127.0.0.1:9/v1") as (_, url):
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, *SERVE, "--port", "0"),
            env=environment(tmp_path, "http://127.0.0.1:9/v1"),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
        )
        _, told = await second.communicate()
    assert second.returncode == 1
    assert f"a server already runs on {tmp_path}" in told.decode()
    assert url in told.decode()
