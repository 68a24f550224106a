"""Floor 6: what the seed's clients ask of a server besides chatting: health, keys, uploads by path.

Rule 1: these answer in the seed's envelope, `{code, status, message, data}`; `code` is 0 where all
    is well, else the status.
Rule 2: a path or an address in a request is never opened: whoever may send one could read any file
    of this machine, or reach whatever this machine can reach.
"""

from collections.abc import Mapping
from typing import Annotated, Final, Generic, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tailrace.server.caller import AgentOf
from tailrace.server.guards import parse_keys
from tailrace.server.seed_shapes import SeedError

Data = TypeVar("Data")

_KNOWLEDGE: Final = "knowledge_context"
_HEALTHY: Final = "healthy"
_SERVICE: Final = "tailrace"
_NO_PATHS: Final = (
    "documents are not taken by path: whoever may ask could read any file of this machine. Send "
    "the document itself to POST /api/documents?name=notes.md, or add folders with `tailrace docs "
    "add` on the machine itself"
)
_NO_LINKS: Final = (
    "web pages are not fetched: whoever may ask could reach whatever this machine can reach. Save "
    "the page and send it to POST /api/documents?name=page.html"
)


class Envelope(BaseModel, Generic[Data]):
    """What was asked for, in the seed's envelope."""

    code: int = 0
    status: int = 200
    message: str = "success"
    data: Data


class Refusal(BaseModel):
    """Why not, in the seed's envelope."""

    code: Annotated[int, Field(description="The same as `status`.")]
    status: int
    message: str


class Healthy(BaseModel):
    """That this server is up."""

    status: str = _HEALTHY
    service: str = _SERVICE


class HealthyParts(Healthy):
    """That this server is up, and which of its parts are there."""

    components: Mapping[str, bool]


class AuthStatus(BaseModel):
    """Whether this server asks for a key."""

    auth_enabled: bool


router = APIRouter(tags=["operations"])


@router.get("/health", summary="Whether this server is up, as the seed asks")
async def health() -> Envelope[Healthy]:
    """That this server is up."""
    return Envelope(data=Healthy())


@router.get(
    "/api/health",
    summary="Whether its parts are there, as the seed asks",
    responses={503: {"model": Refusal, "description": "The store does not answer."}},
)
async def health_of_parts(agent: AgentOf) -> Envelope[HealthyParts]:
    """That the store answers, and whether there is a model; without one, answers are passages."""
    await agent.parts.store.live_runs()
    has_model = agent.parts.llm.info is not None
    return Envelope(data=HealthyParts(components={"storage": True, "llm": has_model}))


@router.get("/api/auth/status", summary="Whether a key is asked for")
async def auth_status(agent: AgentOf) -> Envelope[AuthStatus]:
    """Whether this server asks for a key; to ask this needs none."""
    keys = parse_keys(agent.parts.settings.api_keys)
    return Envelope(data=AuthStatus(auth_enabled=bool(keys)))


@router.get(
    "/api/context_types",
    summary="List kinds of context",
    responses={401: {"model": SeedError, "description": "The key is missing, or not known."}},
)
async def context_types() -> list[str]:
    """The seed's kinds of context that there are here; its page tries a key by asking this."""
    return [_KNOWLEDGE]


@router.post(
    "/api/documents/upload",
    status_code=403,
    tags=["documents"],
    summary="Refused: a document by its path",
)
async def upload_by_path() -> Refusal:
    """Always 403: a server that opens paths would read any of its files to whoever asks."""
    return Refusal(code=403, status=403, message=_NO_PATHS)


@router.post(
    "/api/weblinks/upload",
    status_code=501,
    tags=["documents"],
    summary="Not offered: a web page by its address",
)
async def upload_by_address() -> Refusal:
    """Always 501: a server that opens addresses would reach into its own network."""
    return Refusal(code=501, status=501, message=_NO_LINKS)
