"""Floor 6: what an answer rests on, and whether that still stands in the documents as it did."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from tailrace.errors import NotFoundError
from tailrace.events.event import JSON
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.runs import RunId, find
from tailrace.server.shapes import Problem
from tailrace.stores.documents import DocumentStore

router = APIRouter(prefix="/api/agent/runs", tags=["runs"])

Stale = Annotated[bool, Field(description="Whether the document has changed since.")]
Gone = Annotated[bool, Field(description="Whether the document was removed.")]


class Citation(BaseModel):
    """That part of the answer rests on that passage."""

    source_id: str
    answer_start: int = Field(description="In Unicode code points of the answer.")
    answer_end: int
    quote: str = Field(description="Exactly that revision's text from char_start to char_end.")
    document_id: int
    revision: int
    char_start: int
    char_end: int
    page: int | None = None
    stale: Stale
    gone: Gone


class CitedSource(BaseModel):
    """A passage that was found for the answer."""

    id: str
    document_id: int
    revision: int
    title: str
    stale: Stale
    gone: Gone


class Citations(BaseModel):
    """What an answer rests on by now, in the order it was said and found."""

    citations: list[Citation]
    sources: list[CitedSource]


@router.get(
    "/{run_id}/citations",
    summary="See what an answer rests on",
    responses={404: {"model": Problem, "description": "There is no such run."}},
)
async def get_citations(run_id: RunId, agent: AgentOf, caller: CallerOf) -> Citations:
    """The citations and sources of the run so far, each with whether it is stale or gone."""
    fold = await agent.fold(await find(agent, run_id, caller))
    newest = await _newest(agent.parts.documents, caller.owner, [*fold.citations, *fold.sources])

    def standing(fact: dict[str, JSON]) -> dict[str, JSON]:
        revision = newest.get(fact["document_id"])
        gone = revision is None
        return {**fact, "gone": gone, "stale": gone or revision != fact["revision"]}

    return Citations(
        citations=[Citation.model_validate(standing(each)) for each in fold.citations],
        sources=[CitedSource.model_validate(standing(each)) for each in fold.sources],
    )


async def _newest(
    documents: DocumentStore, owner: str, facts: Sequence[dict[str, JSON]]
) -> dict[JSON, int]:
    """The newest revision of each document named; of one that is gone, none."""
    newest: dict[JSON, int] = {}
    ids = [fact["document_id"] for fact in facts]
    for document_id in {each for each in ids if isinstance(each, int)}:
        try:
            newest[document_id] = (await documents.get(document_id, owner)).revision
        except NotFoundError:
            continue
    return newest
