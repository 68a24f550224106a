"""Floor 6: searching the documents, as an answer does, without asking a model."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from tailrace.context.passages import Passage
from tailrace.server.bodies import Id
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.shapes import Problem
from tailrace.stores.documents import DocumentOrigin

router = APIRouter(prefix="/api/documents", tags=["documents"])

_MOST = 50
_MANY = 100


class FoundPassage(BaseModel):
    """A passage: code points `char_start` to `char_end` of that revision of its document."""

    id: str
    document_id: int
    revision: int
    title: str
    source: str = Field(description="Its document's path or name.")
    heading: str = Field(description="The headings it stands under.")
    page: int | None
    char_start: int
    char_end: int
    text: str
    snippet: str = Field(description="Some of it, around what was asked for, on one line.")
    score: float = Field(description="Higher is better; compares within one search.")

    @classmethod
    def of(cls, passage: Passage) -> "FoundPassage":
        """The passage as it is shown."""
        return cls.model_validate(passage, from_attributes=True)


class FoundPassages(BaseModel):
    """What was found, best first."""

    items: list[FoundPassage]


@router.get(
    "/search",
    summary="Search the documents",
    responses={422: {"model": Problem, "description": "A parameter cannot be used."}},
)
async def search_documents(  # noqa: PLR0913, PLR0917 - the parameters of its address
    agent: AgentOf,
    caller: CallerOf,
    q: Annotated[str, Query(min_length=1, max_length=2_000)],
    limit: Annotated[int, Query(ge=1, le=_MOST)] = 8,
    document_id: Annotated[list[Id] | None, Query(max_length=_MANY)] = None,
    kind: Annotated[list[str] | None, Query(max_length=_MANY)] = None,
    origin: Annotated[list[DocumentOrigin] | None, Query(max_length=_MANY)] = None,
    changed_after: AwareDatetime | None = None,
    changed_before: AwareDatetime | None = None,
) -> FoundPassages:
    """The passages that fit `q` best: by words, and by meaning where documents are embedded.

    `document_id`, `kind` and `origin` may be given several times; past conversations are searched
    with `origin=conversation` alone.
    """
    found = await agent.parts.context.search(
        q,
        owner=caller.owner,
        limit=limit,
        document_ids=document_id,
        kinds=kind,
        origins=origin,
        changed_after=changed_after,
        changed_before=changed_before,
    )
    return FoundPassages(items=[FoundPassage.of(passage) for passage in found])
