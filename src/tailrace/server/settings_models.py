"""Floor 6: the model's set-up over HTTP: what there is, fetch one, watch that, stop it.

Rule 1: a model is fetched where this is asked for here, after the person was shown its name, size,
    licence, hosts and hash; no other request fetches anything.
Rule 2: what fills the machine's disk is for those it belongs to: where a key names its owner, one
    of several, that key may look and no more.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Path
from starlette.responses import Response

from tailrace.agent import model_setup
from tailrace.errors import ErrorCode, TailraceError
from tailrace.server.caller import AgentOf, Caller, CallerOf
from tailrace.server.model_shapes import ModelSetup
from tailrace.server.shapes import Problem
from tailrace.server.snapshot_stream import SnapshotStream
from tailrace.server.stream_response import StreamLimits
from tailrace.server.viewers import MAY_VIEW

router = APIRouter(prefix="/api/settings/models", tags=["models"])

_NOT_YOURS = {401: {"model": Problem, "description": "This key may look and no more."}}

ModelName = Annotated[str, Path(max_length=64, description="A model that is on offer.")]


@router.get("", summary="What answers here, and what could")
async def get_model_setup(agent: AgentOf) -> ModelSetup:
    """The model that answers, those that can be fetched, and the fetch that is under way."""
    return ModelSetup.of(await agent.model_setup.state())


@router.post(
    "/{name}/pull",
    status_code=202,
    summary="Fetch a model",
    responses={
        **_NOT_YOURS,
        404: {"model": Problem, "description": "There is no such model."},
        409: {"model": Problem, "description": "Another one is being fetched."},
    },
)
async def pull_model(name: ModelName, agent: AgentOf, caller: CallerOf) -> ModelSetup:
    """Begin to fetch it and return at once; asked again for the same one, go on with that.

    It goes on when the client leaves. Where keys name their owners, it takes one that names none,
    or the home's token.
    """
    _require_all_of_it(caller)
    agent.model_setup.start(name)
    return ModelSetup.of(await agent.model_setup.state())


@router.delete("/pull", status_code=204, summary="Stop fetching", responses={**_NOT_YOURS})
async def cancel_pull(agent: AgentOf, caller: CallerOf) -> Response:
    """End the fetch under way, if there is one; what came is kept, and the next one goes on."""
    _require_all_of_it(caller)
    await agent.model_setup.cancel()
    return Response(status_code=204)


@router.get(
    "/events",
    summary="Watch the set-up",
    response_class=Response,
    dependencies=[MAY_VIEW],
    responses={
        200: {
            "description": "`ModelSetup` as JSON, whole each time: at once, and at each change.",
            "content": {"text/event-stream": {}},
        },
        429: {"model": Problem, "description": "Too many streams are open."},
    },
)
async def watch_model_setup(agent: AgentOf) -> Response:
    """Follow the set-up, as long as one likes; at most ten times a second.

    There is no cursor: whoever comes back gets it whole.
    """
    limits = StreamLimits.of(agent.parts.settings)
    return SnapshotStream(_snapshots(agent.model_setup), limits)


async def _snapshots(setup: model_setup.ModelSetup) -> AsyncGenerator[bytes, None]:
    async with aclosing(setup.changes()) as changes:
        async for _ in changes:
            yield ModelSetup.of(await setup.state()).model_dump_json().encode()


def _require_all_of_it(caller: Caller) -> None:
    if caller.owner:
        msg = (
            "this key is one of several people's; ask whoever runs this server to fetch the model, "
            "with `tailrace models pull` or a key without an owner"
        )
        raise TailraceError(msg, code=ErrorCode.UNAUTHORIZED)
