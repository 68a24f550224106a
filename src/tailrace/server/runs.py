"""Floor 6: runs, our own way to ask: start, list, look, stop; `run_events` to watch."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.responses import Response

from tailrace._ids import is_run_id
from tailrace.agent import ContextAgent
from tailrace.errors import NotFoundError
from tailrace.events.types import RunKind
from tailrace.server.bodies import ChatBody, InputBody
from tailrace.server.caller import AgentOf, Caller, CallerOf
from tailrace.server.shapes import Problem, Run, RunDetail, RunList
from tailrace.stores.base import RunRow

router = APIRouter(
    prefix="/api/agent/runs",
    tags=["runs"],
    responses={404: {"model": Problem, "description": "There is no such run."}},
)

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=200,
        description="The same key and body again find the run that was started before.",
    ),
]
RunId = Annotated[str, Path(description="The run.", examples=["01kb5x3v9m8q2w4e6r8t0y2u4j"])]
Before = Annotated[str | None, Query(description="A run; only older ones are listed.")]


async def accept(
    agent: ContextAgent, body: ChatBody, caller: Caller, idempotency_key: str | None
) -> RunRow:
    """The run that answers `body`: a new one, or the one its idempotency key was used for.

    Raises:
        TailraceError: as `ContextAgent.start`.
    """
    return await agent.start(body.to_request(), owner=caller.owner, idempotency_key=idempotency_key)


async def find(agent: ContextAgent, run_id: str, caller: Caller) -> RunRow:
    """The caller's run.

    Raises:
        NotFoundError: there is none, or it is somebody else's.
    """
    if not is_run_id(run_id):
        msg = f"there is no run {run_id[:40]!a}"
        raise NotFoundError(msg)
    return await agent.parts.store.get_run(run_id, caller.owner)


@router.post(
    "",
    status_code=202,
    summary="Start a run",
    responses={
        202: {"headers": {"Location": {"schema": {"type": "string"}}}},
        409: {"model": Problem, "description": "The run to try again is live, or not the newest."},
        422: {"model": Problem, "description": "The request has not its form."},
        429: {"model": Problem, "description": "Too many runs wait already."},
    },
)
async def start_run(
    body: ChatBody,
    agent: AgentOf,
    caller: CallerOf,
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> Run:
    """Start a run and return at once; watch it at `Location` + `/events`."""
    run = await accept(agent, body, caller, idempotency_key)
    root = str(request.scope.get("root_path") or "")
    response.headers["location"] = f"{root}{router.prefix}/{run.run_id}"
    return Run.of(run)


@router.get("", summary="List runs")
async def list_runs(
    agent: AgentOf,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Before = None,
    kind: Annotated[
        RunKind | Literal["all"], Query(description="What for: questions, by default.")
    ] = RunKind.CHAT,
) -> RunList:
    """Runs, newest first: those of questions, unless another `kind` is asked for."""
    if before is not None:
        await find(agent, before, caller)
    rows = await agent.parts.store.list_runs(
        caller.owner, limit, before, None if kind == "all" else kind
    )
    return RunList(items=[Run.of(row) for row in rows])


@router.get("/{run_id}", summary="Look at a run")
async def get_run(run_id: RunId, agent: AgentOf, caller: CallerOf) -> RunDetail:
    """The run, how far it is, and what it has written so far."""
    run = await find(agent, run_id, caller)
    return RunDetail.with_fold(run, await agent.fold(run))


@router.post(
    "/{run_id}/input",
    status_code=202,
    summary="Answer a run that waits for its user",
    responses={
        409: {"model": Problem, "description": "It does not wait, or asks something else by now."},
        422: {"model": Problem, "description": "The answer is empty or too long."},
    },
)
async def give_input(run_id: RunId, body: InputBody, agent: AgentOf, caller: CallerOf) -> Run:
    """Give the run what its `input_required` asks for; it then goes on.

    The same answer again changes nothing.
    """
    run = await find(agent, run_id, caller)
    taken = await agent.resume(
        run.run_id, body.text, request_id=body.request_id, owner=caller.owner
    )
    return Run.of(taken)


@router.post("/{run_id}/cancel", summary="Stop a run")
async def cancel_run(run_id: RunId, agent: AgentOf, caller: CallerOf) -> Run:
    """End the run; what was written stays. One that has ended stays as it is.

    After this answer no event follows.
    """
    run = await find(agent, run_id, caller)
    return Run.of(await agent.cancel(run.run_id, owner=caller.owner))
