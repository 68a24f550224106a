"""The server as a process: it says where it is, ends in order, and refuses what cannot be."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import Process
from pathlib import Path

import httpx2
import pytest

from tailrace.agent import ContextAgent
from tailrace.errors import ConflictError, InvalidRequestError
from tailrace.server.serve import running
from tailrace.settings import Settings
from tailrace.testing.model_script import Fault, Reply, classify_as
from tailrace.testing.model_server import ScriptedModelServer
from tailrace.wire.sse import SSEDecoder

PROGRAM = """
import os, sys
from tailrace.server.serve import run
from tailrace.settings import Settings
run(Settings.from_environment(os.environ), on_ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


async def follow(
    response: httpx2.Response, frames: list[str], process: Process, asked: signal.Signals
) -> None:
    """Read the types of what comes into `frames`; signal the server at the first chunk."""
    decoder = SSEDecoder()
    async for piece in response.aiter_raw():
        frames += [json.loads(frame.data)["type"] for frame in decoder.feed(piece)]
        if frames[-1:] == ["stream_chunk"]:
            process.send_signal(asked)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such signals")
@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_go_of_runs_breaks_off_streams_and_ends_the_server(
    tmp_path: Path, asked: signal.Signals
) -> None:
    stalls = Reply(chunks=["One ", "two"], fault=Fault.stall(after=1))
    async with (
        asyncio.timeout(40),
        ScriptedModelServer(classify_as("simple_chat", stalls)) as model,
    ):
        environ = {
            **os.environ,
            "TAILRACE_HOME": str(tmp_path),
            "TAILRACE_LLM_URL": model.url,
            "TAILRACE_LLM_MODEL": "scripted",
            "TAILRACE_PORT": "0",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, env=environ, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        assert json.loads((tmp_path / "server.json").read_text())["url"] == url
        frames: list[str] = []
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as client:
            path = "/api/agent/chat/stream"
            async with client.stream("POST", path, json={"query": "hello"}) as response:
                with pytest.raises(httpx2.RemoteProtocolError):
                    await follow(response, frames, process, asked)
        assert "fail" not in frames
        assert await process.stdout.read() == b"stopped\n"
        assert await process.wait() == 0
        assert not (tmp_path / "server.json").exists()


async def test_a_taken_port_is_told_clearly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(
            home=tmp_path, port=taken.getsockname()[1], llm_url="http://127.0.0.1:9/v1"
        )
        async with ContextAgent.open(settings) as agent:
            with pytest.raises(ConflictError, match="in use already"):
                async with running(agent):
                    pass


async def test_a_host_that_is_not_here_is_told_clearly(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, host="192.0.2.1", port=0, llm_url="http://127.0.0.1:9/v1")
    async with ContextAgent.open(settings) as agent:
        with pytest.raises(InvalidRequestError, match="cannot listen"):
            async with running(agent):
                pass
