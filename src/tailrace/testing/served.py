"""Testing floor: servers in processes of their own, which a test may kill or pause as it likes."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

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
