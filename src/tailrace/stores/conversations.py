"""Floor 1: what a store of conversations promises; `tailrace.testing.stores` proves it.

Rule 1: a message belongs to a run, which alone writes it, or to whoever made it by hand.
Rule 2: a message that has ended keeps its status: nothing flips it.
Rule 3: nothing is written into a deleted conversation; it can still be read.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from tailrace.events.event import JSON


class MessageStatus(StrEnum):
    """How far a message is."""

    PENDING = "pending"
    STREAMING = "streaming"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ThinkingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One status a node gave while it worked, kept with the message; `sequence` from 1."""

    id: int
    message_id: int
    content: str
    stage: str | None
    progress: float | None
    sequence: int
    created_at: datetime


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as the store has it; `metadata` is a JSON object."""

    id: int
    owner: str
    title: str | None
    user_id: str | None
    page_name: str
    status: str
    metadata: dict[str, JSON]
    created_at: datetime
    updated_at: datetime


class MessageRow(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the store has it.

    An assistant message of a live run has the text and thinking of the run's log so far.
    """

    id: int
    conversation_id: int
    parent_message_id: str | None
    run_id: str | None
    role: str
    content: str
    status: MessageStatus
    token_count: int
    metadata: dict[str, JSON]
    latency_ms: int
    error_message: str
    thinking: tuple[ThinkingRow, ...]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


class ConversationStore(Protocol):
    """Keeps conversations and messages."""

    async def create_conversation(
        self, owner: str, page_name: str, metadata: dict[str, JSON], at: datetime
    ) -> Conversation:
        """A new, empty conversation."""
        ...

    async def get_conversation(self, conversation_id: int, owner: str) -> Conversation:
        """The conversation, a deleted one too.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        ...

    async def list_conversations(
        self, owner: str, limit: int, offset: int, page_name: str | None, status: str
    ) -> tuple[list[Conversation], int]:
        """A page, last used first, and how many there are in all."""
        ...

    async def list_messages(self, conversation_id: int, owner: str) -> list[MessageRow]:
        """All messages in order; empty for an unknown conversation."""
        ...

    async def get_message(self, message_id: int, owner: str) -> MessageRow:
        """The message.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        ...

    async def history(self, conversation_id: int, before_message_id: int) -> list[MessageRow]:
        """The newest 200 ended messages with text before that message, in order."""
        ...
