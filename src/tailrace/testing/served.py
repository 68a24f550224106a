"""Testing floor: servers in processes of their own, which a test may kill or pause as it likes."""

import asyncio
import multiprocessing
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from tailrace.server.serve import run
from tailrace.settings import Settings

SERVE = ("-m", "tailrace", "serve")


def environment(home: Path, model_url: str, **settings: str) -> dict[str, str]:
    """The environment of a server of `home` that asks the model at `model_url`.

    Of our own variables it has those in `settings` only, which name settings in capitals.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")}
    chosen = {"HOME": str(home), "LLM_URL": model_url, "LLM_MODEL": "scripted", **settings}
    return {**own, **{f"TAILRACE_{name}": value for name, value in chosen.items()}}


@asynccontextmanager
async def served_process(
    home: Path, model_url: str, port: int = 0, *, allowed_origins: str = ""
) -> AsyncGenerator[tuple[Process, str]]:
    """The process that serves `home`, and its URL; it is killed on the way out."""
    environ = environment(home, model_url, ALLOWED_ORIGINS=allowed_origins)
    async with started_process((*SERVE, "--port", str(port)), environ) as started:
        yield started


@asynccontextmanager
async def forked_process(
    home: Path, model_url: str, port: int = 0
) -> AsyncGenerator[tuple[BaseProcess, str]]:
    """As `served_process`, but there in a moment: forked off one that has imported everything.

    What `tailrace serve` prints and where it logs is left out; the server is the same.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "tailrace.server.serve"])
    ours, theirs = context.Pipe(duplex=False)
    environ = environment(home, model_url, PORT=str(port))
    process = context.Process(target=_serve, args=(environ, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        url: str = await asyncio.to_thread(ours.recv)
        yield process, url
    finally:
        ours.close()
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()


def _serve(environ: Mapping[str, str], told: "Connection[str, str]") -> None:
    run(Settings.from_environment(environ), on_ready=told.send)


@asynccontextmanager
async def worker_process(
    name: str, home: Path, model_url: str, **settings: str
) -> AsyncGenerator[tuple[Process, str]]:
    """The process of one of several workers on the store in `home`, and its URL: see `workers`."""
    environ = environment(home, model_url, PORT="0", **settings)
    async with started_process(("-m", "tailrace.testing.workers", name), environ) as started:
        yield started


@asynccontextmanager
async def started_process(
    arguments: tuple[str, ...], environ: Mapping[str, str]
) -> AsyncGenerator[tuple[Process, str]]:
    """A Python process whose first line ends with its URL; it is killed on the way out."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, env=environ, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
    )
    try:
        assert process.stdout is not None
        greeting = (await process.stdout.readline()).decode()
        assert "http://" in greeting, greeting
        yield process, greeting.split()[-1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
