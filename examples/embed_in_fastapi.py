"""Tailrace inside an application of one's own: everything it serves, below /tailrace.

Run: uvicorn --app-dir examples --timeout-graceful-shutdown 5 embed_in_fastapi:app
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from tailrace.agent import ContextAgent
from tailrace.server.app import create_app
from tailrace.settings import Settings


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    """Open one agent for as long as the application runs."""
    async with ContextAgent.open(Settings.from_environment(os.environ)) as agent:
        app.mount("/tailrace", create_app(agent))
        yield


app = FastAPI(title="An application of one's own", lifespan=lifespan)


@app.get("/hello")
async def hello() -> dict[str, str]:
    """A route that has nothing to do with Tailrace."""
    return {"hello": "world"}
