"""Floor 6: chat, the seed's way to ask: one question, one stream or one answer.

Rule 1: leaving ends the viewer, never the run.
"""

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from tailrace.dialects.registry import open_dialect
from tailrace.server.bodies import ChatBody
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.following import follow
from tailrace.server.runs import IdempotencyKey, accept
from tailrace.server.seed_shapes import SeedError, SeedState

router = APIRouter(prefix="/api/agent", tags=["chat"])

DialectName = Annotated[
    str,
    Query(alias="dialect", description="How events are shaped: `native`, or `seed`."),
]


@router.post(
    "/chat/stream",
    summary="Ask, and follow the answer",
    response_class=Response,
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
        429: {"model": SeedError, "description": "Too many runs wait already."},
    },
)
async def chat_stream(
    body: ChatBody,
    agent: AgentOf,
    caller: CallerOf,
    dialect: DialectName = "seed",
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Start a run and follow it; the run goes on when the client leaves.

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
    idempotency_key: IdempotencyKey = None,
) -> SeedState:
    """Start a run and wait for its end; a run that failed is a result with `success: false`."""
    state = await agent.process(
        body.to_request(), owner=caller.owner, idempotency_key=idempotency_key
    )
    return SeedState.model_validate(state)
