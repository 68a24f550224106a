"""The child process: it serves its parent alone, and never outlives it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import httpx2
import msgspec
import pytest

from tailrace.errors import ModelUnavailableError
from tailrace.llm.embedded_server import BAD_CONFIG, ServerConfig
from tailrace.llm.library import ModelLibrary
from tailrace.llm.model_process import ModelProcess


def config(library: ModelLibrary) -> ServerConfig:
    return ServerConfig(
        path=str(library.path("tiny")), name="tiny", api_key="key", context_tokens=512, threads=1
    )


async def wait_until_gone(pid: int) -> None:
    """Return when no process `pid` computes any more."""
    descriptor = os.pidfd_open(pid)
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


async def test_only_who_has_the_key_is_served(tiny_library: ModelLibrary) -> None:
    process = ModelProcess(config(tiny_library))
    async with asyncio.timeout(30), httpx2.AsyncClient(trust_env=False) as client:
        try:
            url = f"{await process.url()}/v1/chat/completions"
            refused = await client.post(url, json={"messages": []})
            assert (process.is_ready, refused.status_code) == (True, 401)
        finally:
            await process.stop()
    assert process.ended


async def test_a_process_that_is_stopped_while_it_loads_is_gone(tiny_library: ModelLibrary) -> None:
    process = ModelProcess(config(tiny_library))
    async with asyncio.timeout(30):
        await process.stop()
        with pytest.raises(ModelUnavailableError, match="ended before it was loaded"):
            await process.url()


async def test_a_damaged_model_file_is_reported_with_what_to_do(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(100))
    process = ModelProcess(
        ServerConfig(
            path=str(damaged), name="damaged", api_key="key", context_tokens=512, threads=1
        )
    )
    async with asyncio.timeout(30):
        with pytest.raises(ModelUnavailableError, match=r"`tailrace models remove damaged`"):
            await process.url()
        await process.stop()


async def test_a_child_without_a_configuration_ends() -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tailrace.llm.embedded_server",
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        _, said = await child.communicate(b"nonsense\n")
    assert child.returncode == BAD_CONFIG
    assert said.startswith(b"no usable configuration")


PARENT = """
import asyncio, sys
import msgspec
from tailrace.llm.embedded_server import ServerConfig
from tailrace.llm.model_process import ModelProcess

async def main():
    process = ModelProcess(msgspec.json.decode(sys.argv[1], type=ServerConfig))
    await process.url()
    print(process.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="waits for a process that is not our child")
async def test_the_child_goes_when_its_parent_is_killed(tiny_library: ModelLibrary) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        msgspec.json.encode(config(tiny_library)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout
    async with asyncio.timeout(30):
        child = int(await parent.stdout.readline())
        os.kill(child, 0)
        parent.kill()
        await parent.wait()
        await wait_until_gone(child)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
async def test_a_ctrl_c_in_the_terminal_leaves_the_child_alone(tiny_library: ModelLibrary) -> None:
    process = ModelProcess(config(tiny_library))
    async with asyncio.timeout(30), httpx2.AsyncClient(trust_env=False) as client:
        try:
            url = await process.url()
            assert process.pid
            os.kill(process.pid, signal.SIGINT)
            assert not await process.wait_ended(at_most_s=1)
            assert (await client.get(f"{url}/health")).status_code == 200
        finally:
            await process.stop()
