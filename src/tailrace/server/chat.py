"""Floor 6: chat, the seed's way to ask: one question, one stream or one answer.

Rule 1: leaving ends the viewer, and the run only where it was asked to (`on_disconnect`).
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response
from starlette.types import Receive

from tailrace.agent import ContextAgent
from tailrace.dialects.registry import open_dialect
from tailrace.server.bodies import ChatBody
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.following import follow
from tailrace.server.runs import IdempotencyKey, accept
from tailrace.server.seed_shapes import SeedError, SeedState
from tailrace.server.viewers import MAY_VIEW
from tailrace.stores.base import RunRow

router = APIRouter(prefix="/api/agent", tags=["chat"])

DialectName = Annotated[
    str,
    Query(alias="dialect", description="How events are shaped: `native`, or `seed`."),
]


@router.post(
    "/chat/stream",
    summary="Ask, and follow the answer",
    response_class=Response,
    dependencies=[MAY_VIEW],
    responses={
        200: {
            "description": "The run's events, as they happen.",
            "content": {"text/event-stream": {}},
            "headers": {"X-Run-Id": {"schema": {"type": "string"}}},
        },
        404: {"model": SeedError, "description": "No such conversation, or run to try again."},
        409: {
            "model": SeedError,
            "description": "The run to try again is live, or not the newest.",
        },
        422: {"model": SeedError, "description": "The request has not its form."},
        429: {"model": SeedError, "description": "Too many runs wait, or streams are open."},
    },
)
async def chat_stream(
    body: ChatBody,
    agent: AgentOf,
    caller: CallerOf,
    dialect: DialectName = "seed",
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a run and follow it; the run goes on when the client leaves, unless asked not to.

    The header `X-Run-Id` names the run; `GET /api/agent/runs/{run_id}/events` rejoins it.
    """
    shape = open_dialect(dialect)
    run = await accept(agent, body, caller, idempotency_key)
    return await follow(agent, run, shape)


@router.post(
    "/chat",
    summary="Ask, and get the whole answer",
    responses={
        404: {"model": SeedError, "description": "No such conversation, or run to try again."},
        409: {
            "model": SeedError,
            "description": "The run to try again is live, or not the newest.",
        },
        422: {"model": SeedError, "description": "The request has not its form."},
        429: {"model": SeedError, "description": "Too many runs wait already."},
    },
)
async def chat(
    body: ChatBody,
    agent: AgentOf,
    caller: CallerOf,
    request: Request,
    idempotency_key: IdempotencyKey = None,
) -> SeedState:
    """Start a run and wait for its end; a run that failed is a result with `success: false`."""
    run = await agent.start(
        body.to_request(), owner=caller.owner, streaming=False, idempotency_key=idempotency_key
    )
    with agent.attending(run.run_id):
        await _passed_or_left(agent, run, request.receive)
    return SeedState.model_validate(await agent.get_state(run.run_id, owner=run.owner))


async def _passed_or_left(agent: ContextAgent, run: RunRow, receive: Receive) -> None:
    """Return once the run has ended or waits for its user, or whoever asked has hung up."""

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    waiting = [
        asyncio.ensure_future(agent.passed(run.run_id, owner=run.owner)),
        asyncio.ensure_future(left()),
    ]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
