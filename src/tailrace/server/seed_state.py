"""Floor 6: seed state, the seed's names for looking at a run, going on, stopping and trying one."""

from typing import Annotated, Final

from fastapi import APIRouter, Header

from tailrace.agent import ChatRequest, ContextAgent
from tailrace.errors import ErrorCode, InvalidRequestError, NotFoundError, TailraceError
from tailrace.events.event import JSON
from tailrace.server.bodies import ResumeBody
from tailrace.server.caller import AgentOf, Caller, CallerOf
from tailrace.server.runs import find
from tailrace.server.seed_shapes import SeedError, SeedState
from tailrace.stores.base import RunRow

router = APIRouter(prefix="/api/agent", tags=["chat"])

_UNKNOWN: Final[dict[str, JSON]] = {"success": False, "error": "Workflow not found"}
_TRIAL: Final = "Hello! Please say in one short sentence that you can hear me."


@router.get("/state/{workflow_id}", summary="Look at a workflow", response_model=None)
async def get_state(workflow_id: str, agent: AgentOf, caller: CallerOf) -> dict[str, JSON]:
    """What the run has worked out; keys it has not come to are absent."""
    try:
        run = await find(agent, workflow_id, caller)
    except NotFoundError:
        return _UNKNOWN
    return {"success": True, "state": await agent.get_state(run.run_id, owner=caller.owner)}


@router.post(
    "/resume/{workflow_id}",
    summary="Answer a workflow that waits, and get the whole answer",
    responses={
        404: {"model": SeedError, "description": "There is no such workflow."},
        409: {"model": SeedError, "description": "It does not wait; the detail says what to do."},
        422: {"model": SeedError, "description": "The answer is missing, empty or too long."},
    },
)
async def resume_workflow(
    workflow_id: str, body: ResumeBody, agent: AgentOf, caller: CallerOf
) -> SeedState:
    """Give the run what it waits for, and wait for its end; it goes on where it stopped."""
    run = await _named(workflow_id, body, agent, caller)
    await agent.resume(run.run_id, body.user_input or "", owner=caller.owner)
    return SeedState.model_validate(await agent.passed(run.run_id, owner=caller.owner))


@router.delete("/cancel/{workflow_id}", summary="Stop a workflow", response_model=None)
async def cancel_workflow(workflow_id: str, agent: AgentOf, caller: CallerOf) -> dict[str, JSON]:
    """End the run; what was written stays."""
    try:
        run = await find(agent, workflow_id, caller)
    except NotFoundError:
        return _UNKNOWN
    await agent.cancel(run.run_id, owner=caller.owner)
    return {"success": True, "message": f"Workflow {workflow_id} cancelled"}


@router.get("/test", summary="Try a question", response_model=None)
async def try_question(
    agent: AgentOf,
    caller: CallerOf,
    origin: Annotated[str | None, Header(include_in_schema=False)] = None,
    sec_fetch_site: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> dict[str, JSON]:
    """Ask the model a real question, in a run of its own that belongs to no conversation."""
    _check_site(origin, sec_fetch_site)
    state = await agent.process(ChatRequest(query=_TRIAL), owner=caller.owner)
    if not state["success"]:
        return {"success": False, "error": state.get("errors", "the run was stopped")}
    return {"success": True, "message": "The agent works", "test_response": state}


async def _named(workflow_id: str, body: ResumeBody, agent: ContextAgent, caller: Caller) -> RunRow:
    """The run that is to go on.

    Raises:
        NotFoundError: there is none.
        InvalidRequestError: the body names another one than the address.
    """
    try:
        run = await find(agent, workflow_id, caller)
    except NotFoundError as exc:
        msg = f"Workflow {workflow_id} not found"
        raise NotFoundError(msg) from exc
    if body.workflow_id not in {None, workflow_id}:
        msg = "the body names another workflow than the address; send the same one"
        raise InvalidRequestError(msg)
    return run


def _check_site(origin: str | None, site: str | None) -> None:
    """Nothing, unless a page of another site asks as for an image, which the guard cannot tell.

    Raises:
        TailraceError: it does; a GET that starts a run must not be had so.
    """
    if site == "cross-site" and origin is None:
        msg = "pages of other sites may not start a run; open this address by itself"
        raise TailraceError(msg, code=ErrorCode.FORBIDDEN_ORIGIN)
