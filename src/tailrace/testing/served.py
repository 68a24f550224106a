"""Testing floor: `tailrace serve` in a process of its own, which a test may kill as it likes."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path


@asynccontextmanager
async def served_process(
    home: Path, model_url: str, port: int = 0, *, allowed_origins: str = ""
) -> AsyncGenerator[tuple[Process, str]]:
    """The process that serves `home`, and its URL; it is killed on the way out."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TAILRACE_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tailrace", "serve", "--port", str(port)),
        env={
            **own,
            "TAILRACE_HOME": str(home),
            "TAILRACE_LLM_URL": model_url,
            "TAILRACE_LLM_MODEL": "scripted",
            "TAILRACE_ALLOWED_ORIGINS": allowed_origins,
        },
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=DEVNULL,
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
