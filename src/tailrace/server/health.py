"""Floor 6: health, whether this server is up, and can take a question."""

from importlib.metadata import version

from fastapi import APIRouter

from tailrace.server.caller import AgentOf
from tailrace.server.shapes import Health, Model, Problem

VERSION = version("tailrace")

router = APIRouter(tags=["operations"])


@router.get("/healthz", summary="Whether this server is up")
async def healthz(agent: AgentOf) -> Health:
    """That this server is up, its version, and the model that answers."""
    info = agent.parts.llm.info
    model = info and Model.of(info)
    return Health(status="ok", version=VERSION, model=model)


@router.get(
    "/readyz",
    summary="Whether this server can take a question",
    responses={503: {"model": Problem, "description": "The store does not answer."}},
)
async def readyz(agent: AgentOf) -> dict[str, str]:
    """That the store answers."""
    await agent.parts.store.live_runs()
    return {"status": "ready"}
