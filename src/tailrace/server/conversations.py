"""Floor 6: conversations, and reading and stopping their messages, in the seed's shapes.

Rule 1: a message that has ended stays as it ended: to interrupt it changes nothing.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from tailrace.events.event import JSON
from tailrace.server.bodies import ConversationBody, Id, TitleBody
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.seed_shapes import (
    Deleted,
    Interrupted,
    SeedConversation,
    SeedConversations,
    SeedError,
    SeedMessage,
)
from tailrace.stores.conversations import OPEN_STATUSES, MessageStatus

router = APIRouter(
    prefix="/api/agent/chat",
    tags=["conversations"],
    responses={422: {"model": SeedError, "description": "The request has not its form."}},
)

_NO_SUCH = {404: {"model": SeedError, "description": "There is no such conversation."}}
_MAX_OFFSET = 2**31

PathId = Annotated[Id, Path()]


@router.post("/conversations", summary="Begin a conversation")
async def create_conversation(
    body: ConversationBody, agent: AgentOf, caller: CallerOf
) -> SeedConversation:
    """A new, empty conversation."""
    metadata: dict[str, JSON] = {"document_id": body.document_id} if body.document_id else {}
    row = await agent.parts.store.create_conversation(
        caller.owner, body.page_name, metadata, agent.clock.now()
    )
    return SeedConversation.of(row)


@router.get("/conversations/list", summary="List conversations")
async def list_conversations(
    agent: AgentOf,
    caller: CallerOf,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
    offset: Annotated[int, Query(ge=0, le=_MAX_OFFSET)] = 0,
    page_name: str | None = None,
    status: str = "active",
) -> SeedConversations:
    """A page of conversations, last used first."""
    rows, total = await agent.parts.store.list_conversations(
        caller.owner, limit, offset, page_name, status
    )
    return SeedConversations(items=[SeedConversation.of(row) for row in rows], total=total)


@router.get(
    "/conversations/{cid}",
    summary="Look at a conversation",
    responses={**_NO_SUCH},
)
async def get_conversation(cid: PathId, agent: AgentOf, caller: CallerOf) -> SeedConversation:
    """The conversation, a deleted one too."""
    return SeedConversation.of(await agent.parts.store.get_conversation(cid, caller.owner))


@router.patch(
    "/conversations/{cid}/update", summary="Rename a conversation", responses={**_NO_SUCH}
)
async def rename_conversation(
    cid: PathId, body: TitleBody, agent: AgentOf, caller: CallerOf
) -> SeedConversation:
    """The conversation under its new title."""
    row = await agent.parts.store.rename_conversation(
        cid, caller.owner, body.title, agent.clock.now()
    )
    return SeedConversation.of(row)


@router.delete(
    "/conversations/{cid}/update", summary="Delete a conversation", responses={**_NO_SUCH}
)
async def delete_conversation(cid: PathId, agent: AgentOf, caller: CallerOf) -> Deleted:
    """Mark it as deleted, and stop what still writes into it; it can be read, but not listed."""
    store = agent.parts.store
    await store.delete_conversation(cid, caller.owner, agent.clock.now())
    for message in await store.list_messages(cid, caller.owner):
        if message.run_id is not None and message.status in OPEN_STATUSES:
            await agent.cancel(message.run_id, owner=caller.owner)
    await agent.recall.forget(cid, caller.owner)
    return Deleted(success=True, id=cid)


@router.get("/conversations/{cid}/messages", summary="Read a conversation")
async def list_messages(cid: PathId, agent: AgentOf, caller: CallerOf) -> list[SeedMessage]:
    """All messages in order, with their thoughts; empty for an unknown conversation."""
    rows = await agent.parts.store.list_messages(cid, caller.owner)
    return [SeedMessage.of(row) for row in rows]


@router.post(
    "/messages/{mid}/interrupt",
    summary="Stop the answer of a message",
    responses={404: {"model": SeedError, "description": "There is no such message."}},
)
async def interrupt_message(mid: PathId, agent: AgentOf, caller: CallerOf) -> Interrupted:
    """End the run that writes this message; its viewers are told before this answer leaves.

    One that is written by hand ends as cancelled.
    """
    store = agent.parts.store
    message = await store.get_message(mid, caller.owner)
    if message.status in OPEN_STATUSES:
        if message.run_id is not None:
            await agent.cancel(message.run_id, owner=caller.owner)
        else:
            at = agent.clock.now()
            await store.end_message(mid, caller.owner, MessageStatus.CANCELLED, at)
    return Interrupted(message_id=str(mid))
