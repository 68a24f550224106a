"""Floor 6: vaults, the notes that are written here, in the seed's shapes.

Rule 1: a vault is a document: what is written is searched and cited like any other, at once.
Rule 2: every document can be read here by its id, for the editor opens it so; only what is written
    here is listed, changed and removed here: the answer to the rest is 409.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from tailrace.server.bodies import Id
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.vault_shapes import (
    VaultAnswer,
    VaultBody,
    VaultContext,
    VaultData,
    VaultError,
    VaultKept,
    VaultLine,
    VaultList,
    VaultRemoved,
    info,
)
from tailrace.stores.documents import DocumentOrigin

router = APIRouter(
    prefix="/api/vaults",
    tags=["vaults"],
    responses={422: {"model": VaultError, "description": "The request has not its form."}},
)

_NO_SUCH = {404: {"model": VaultError, "description": "There is no such document."}}
_FOREIGN = {409: {"model": VaultError, "description": "It is not written here."}}
_MAX_OFFSET = 2**31

PathId = Annotated[Id, Path()]


@router.get("/list", summary="List notes")
async def list_vaults(
    agent: AgentOf,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET)] = 0,
) -> VaultList:
    """A page of the notes that are written here, newest first."""
    rows, total = await agent.parts.documents.list_documents(
        caller.owner, limit=limit, offset=offset, origin=DocumentOrigin.VAULT, newest_first=True
    )
    return VaultList(data=[VaultLine.of(row) for row in rows], total=total)


@router.post("/create", summary="Write a note")
async def create_vault(body: VaultBody, agent: AgentOf, caller: CallerOf) -> VaultKept:
    """Keep a new note; it can be searched when this answer leaves."""
    row = await agent.parts.vaults.add(body.to_vault(), owner=caller.owner)
    return VaultKept(message="The note was created", doc_id=row.id, context_processing="triggered")


@router.get("/{document_id}", summary="Read a note", responses={**_NO_SUCH})
async def get_vault(document_id: PathId, agent: AgentOf, caller: CallerOf) -> VaultAnswer:
    """The note with its text, or any other document."""
    documents = agent.parts.documents
    row = await documents.get(document_id, caller.owner)
    content = await documents.text(document_id, caller.owner)
    return VaultAnswer(data=VaultData(**info(row).model_dump(), content=content))


@router.post("/{document_id}", summary="Change a note", responses={**_NO_SUCH, **_FOREIGN})
async def save_vault(
    document_id: PathId, body: VaultBody, agent: AgentOf, caller: CallerOf
) -> VaultKept:
    """Keep the note's next revision; the one before is found no more when this answer leaves."""
    row = await agent.parts.vaults.save(document_id, body.to_vault(), owner=caller.owner)
    return VaultKept(message="The note was saved", doc_id=row.id, context_processing="reprocessing")


@router.delete("/{document_id}", summary="Remove a note", responses={**_NO_SUCH, **_FOREIGN})
async def delete_vault(document_id: PathId, agent: AgentOf, caller: CallerOf) -> VaultRemoved:
    """Remove the note and its passages for good."""
    await agent.parts.vaults.remove(document_id, owner=caller.owner)
    return VaultRemoved(message="The note was removed")


@router.get(
    "/{document_id}/context", summary="Whether a note can be searched", responses={**_NO_SUCH}
)
async def get_vault_context(document_id: PathId, agent: AgentOf, caller: CallerOf) -> VaultContext:
    """In how many passages the note, or any other document, can be found."""
    row = await agent.parts.documents.get(document_id, caller.owner)
    return VaultContext(
        document_id=row.id,
        has_context=row.chunk_count > 0,
        total_chunks=row.chunk_count,
        document_info=info(row),
    )
