"""Floor 1: what a store of conversations promises; `tailrace.testing.conversations` proves it.

Rule 1: a message belongs to a run, which alone writes it, or to whoever made it by hand.
Rule 2: a message that has ended keeps its status: nothing flips it.
Rule 3: nothing is written into a deleted conversation; it can still be read.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from tailrace.events.event import JSON
from tailrace.events.types import Outcome


class MessageStatus(StrEnum):
    """How far a message is."""

    PENDING = "pending"
    STREAMING = "streaming"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATUSES = frozenset({MessageStatus.PENDING, MessageStatus.STREAMING})
"""The statuses of a message that is still being written."""


class NewMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message made by hand.

    Attributes:
        parent_message_id: What it follows, in its maker's words; None where it follows nothing.
        role: `user` or `assistant`.
        complete: Whether it is whole; otherwise more may be appended to it.
        token_count: How many tokens `content` has; 0 where unknown.
        created_at: Aware, UTC.
    """

    conversation_id: int
    parent_message_id: str | None
    role: str
    content: str
    complete: bool
    token_count: int = 0
    created_at: datetime


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

    Attributes:
        outcome: How the run that wrote it ended; None while it goes on, and for other messages.
        error_code: Why that run failed; None where it did not.
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
    outcome: Outcome | None = None
    error_code: str | None = None


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

    async def rename_conversation(
        self, conversation_id: int, owner: str, title: str, at: datetime
    ) -> Conversation:
        """The conversation under its new title.

        Raises:
            NotFoundError: there is none, it is deleted, or it is somebody else's.
        """
        ...

    async def delete_conversation(self, conversation_id: int, owner: str, at: datetime) -> None:
        """Mark it as deleted: it is listed no more and takes no message; a second time is no error.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
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
        """The newest 200 ended messages with text before that message, in order.

        Of several answers that runs gave to one message, only the newest.
        """
        ...

    async def add_message(self, message: NewMessage, owner: str) -> int:
        """Keep a message made by hand, completed or streaming; its id.

        Raises:
            NotFoundError: there is no such conversation, it is deleted, or it is somebody else's.
        """
        ...

    async def append_content(
        self, message_id: int, owner: str, chunk: str, token_count: int, at: datetime
    ) -> None:
        """Add `chunk` to the end of a message made by hand, and `token_count` to its tokens.

        Raises:
            NotFoundError: there is none, it is somebody else's, or its conversation is deleted.
            ConflictError: it has ended, or a run writes it.
        """
        ...

    async def replace_content(
        self,
        message_id: int,
        owner: str,
        content: str,
        at: datetime,
        *,
        token_count: int | None = None,
        complete: bool = False,
    ) -> None:
        """Give a message made by hand, ended or not, another text; None keeps its token count.

        `complete`: and end it as COMPLETED, unless it has ended.

        Raises:
            NotFoundError: there is none, it is somebody else's, or its conversation is deleted.
            ConflictError: a run wrote it, or writes it.
        """
        ...

    async def end_message(
        self, message_id: int, owner: str, status: MessageStatus, at: datetime
    ) -> None:
        """End an open message with `status`; one that has ended stays as it ended.

        Raises:
            NotFoundError: there is none, it is somebody else's, or its conversation is deleted.
            ConflictError: a run writes it; that run ends it.
        """
        ...
