"""Floor 6: seed state, the seed's names for looking at a run and for stopping it."""

from fastapi import APIRouter

from tailrace.errors import NotFoundError
from tailrace.events.event import JSON
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.runs import find

router = APIRouter(prefix="/api/agent", tags=["chat"])

_UNKNOWN: dict[str, JSON] = {"success": False, "error": "Workflow not found"}


@router.get("/state/{workflow_id}", summary="Look at a workflow", response_model=None)
async def get_state(workflow_id: str, agent: AgentOf, caller: CallerOf) -> dict[str, JSON]:
    """What the run has worked out; keys it has not come to are absent."""
    try:
        run = await find(agent, workflow_id, caller)
    except NotFoundError:
        return _UNKNOWN
    return {"success": True, "state": await agent.get_state(run.run_id, owner=caller.owner)}


@router.delete("/cancel/{workflow_id}", summary="Stop a workflow", response_model=None)
async def cancel_workflow(workflow_id: str, agent: AgentOf, caller: CallerOf) -> dict[str, JSON]:
    """End the run; what was written stays."""
    try:
        run = await find(agent, workflow_id, caller)
    except NotFoundError:
        return _UNKNOWN
    await agent.cancel(run.run_id, owner=caller.owner)
    return {"success": True, "message": f"Workflow {workflow_id} cancelled"}
