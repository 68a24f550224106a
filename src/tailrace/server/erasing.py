"""Floor 6: erasing, how a person removes what is theirs, and lets go of old events."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from tailrace.agent import ContextAgent, erasing
from tailrace.server.bodies import Id
from tailrace.server.caller import AgentOf, Caller, CallerOf
from tailrace.server.runs import RunId, find
from tailrace.server.shapes import Problem

router = APIRouter(prefix="/api/agent", tags=["runs"])

_MAX_S = 100 * 366 * 24 * 3600


class PruneBody(BaseModel):
    """What is old enough to be let go of."""

    older_than_s: Annotated[float, Field(ge=0, le=_MAX_S)] = Field(
        description="Seconds since a run's end."
    )
    dry_run: bool = Field(default=False, description="Only say what would go.")


class Pruned(BaseModel):
    """What went, or would go."""

    runs: int = Field(description="Whose last event but the terminal one went.")
    events: int
    done: bool = Field(description="False where more is left; ask again.")


class Erased(BaseModel):
    """That it is gone."""

    wiped: bool = Field(
        description="Whether the files were written anew without it; where keys are asked for, "
        "only the user who runs the server has that done, with `tailrace erase`."
    )


@router.post("/runs/prune", summary="Let go of old events")
async def prune_runs(body: PruneBody, agent: AgentOf, caller: CallerOf) -> Pruned:
    """Let go of the events of runs that ended long ago; their answers and ends stay.

    A few thousand at a time: ask again until it is done.
    """
    older_than = timedelta(seconds=body.older_than_s)
    gone = await erasing.prune(agent, older_than, owner=caller.owner, dry_run=body.dry_run)
    return Pruned(runs=gone.runs, events=gone.events, done=gone.done)


@router.delete(
    "/runs/{run_id}",
    summary="Erase a run",
    responses={404: {"model": Problem, "description": "There is no such run."}},
)
async def erase_run(run_id: RunId, agent: AgentOf, caller: CallerOf) -> Erased:
    """Remove a run, its answer, and its question if no other run answers that; it is stopped first.

    Nothing brings it back but a backup.
    """
    run = await find(agent, run_id, caller)
    await erasing.erase_run(agent, run.run_id, owner=caller.owner)
    return await _wiped(agent, caller)


@router.delete(
    "/conversations/{conversation_id}",
    tags=["conversations"],
    summary="Erase a conversation",
    responses={
        404: {"model": Problem, "description": "There is no such conversation."},
        409: {"model": Problem, "description": "A run began in it just now; ask again."},
    },
)
async def erase_conversation(
    conversation_id: Annotated[Id, Path()], agent: AgentOf, caller: CallerOf
) -> Erased:
    """Remove a conversation with its messages and runs; what still works there is stopped first.

    Nothing brings it back but a backup.
    """
    await erasing.erase_conversation(agent, conversation_id, owner=caller.owner)
    return await _wiped(agent, caller)


async def _wiped(agent: ContextAgent, caller: Caller) -> Erased:
    """All other writes wait for it, so that not everybody may ask for it."""
    may = caller.has_home or not agent.parts.settings.api_keys
    if may:
        await erasing.wipe(agent)
    return Erased(wiped=may)
