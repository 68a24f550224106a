"""Floor 6: messages made by hand, in the seed's shapes: begun, appended to, replaced, finished.

Rule 1: what a run writes is not changed by hand: the answer to that is 409.
Rule 2: nothing is written into a conversation that is deleted or is not there: 404.
"""

from typing import Annotated

from fastapi import APIRouter, Path

from tailrace.server.bodies import (
    AppendBody,
    Id,
    MessageBody,
    ReplaceBody,
    ShortText,
    StreamingMessageBody,
)
from tailrace.server.caller import AgentOf, CallerOf
from tailrace.server.seed_shapes import SeedError
from tailrace.stores.conversations import MessageStatus, NewMessage

router = APIRouter(
    prefix="/api/agent/chat/message",
    tags=["conversations"],
    responses={
        404: {"model": SeedError, "description": "There is no such message or conversation."},
        422: {"model": SeedError, "description": "The request has not its form."},
    },
)

_CONFLICT = {409: {"model": SeedError, "description": "A run writes it, or it has ended."}}

ParentId = Annotated[ShortText, Path(description="What the message follows, in its maker's words.")]
MessageId = Annotated[Id, Path(description="The message.")]


@router.post("/{mid}/create", summary="Make a message")
async def create_message(mid: ParentId, body: MessageBody, agent: AgentOf, caller: CallerOf) -> int:
    """The id of a new message; unless it is complete, it can be appended to."""
    message = NewMessage(
        conversation_id=body.conversation_id,
        parent_message_id=mid,
        role=body.role,
        content=body.content,
        complete=bool(body.is_complete),
        token_count=body.token_count or 0,
        created_at=agent.clock.now(),
    )
    return await agent.parts.store.add_message(message, caller.owner)


@router.post("/stream/{mid}/create", summary="Begin a message")
async def create_streaming_message(
    mid: ParentId, body: StreamingMessageBody, agent: AgentOf, caller: CallerOf
) -> int:
    """The id of a new, empty message that will be appended to."""
    message = NewMessage(
        conversation_id=body.conversation_id,
        parent_message_id=mid,
        role=body.role,
        content="",
        complete=False,
        created_at=agent.clock.now(),
    )
    return await agent.parts.store.add_message(message, caller.owner)


@router.post("/{mid}/update", summary="Replace a message's text", responses={**_CONFLICT})
async def update_message(
    mid: MessageId, body: ReplaceBody, agent: AgentOf, caller: CallerOf
) -> bool:
    """Give a message made by hand another text, an ended one too."""
    await agent.parts.store.replace_content(
        mid,
        caller.owner,
        body.new_content,
        agent.clock.now(),
        token_count=body.token_count,
        complete=bool(body.is_complete),
    )
    return True


@router.post("/{mid}/append", summary="Append to a message", responses={**_CONFLICT})
async def append_message(
    mid: MessageId, body: AppendBody, agent: AgentOf, caller: CallerOf
) -> bool:
    """Add to the end of a message made by hand that has not ended."""
    await agent.parts.store.append_content(
        mid, caller.owner, body.content_chunk, body.token_count or 0, agent.clock.now()
    )
    return True


@router.post("/{mid}/finished", summary="Finish a message", responses={**_CONFLICT})
async def finish_message(mid: MessageId, agent: AgentOf, caller: CallerOf) -> bool:
    """End a message made by hand as completed; one that has ended stays as it ended."""
    await agent.parts.store.end_message(
        mid, caller.owner, MessageStatus.COMPLETED, agent.clock.now()
    )
    return True
