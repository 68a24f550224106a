"""Floor 6: seed shapes, what the seed's routes answer, field for field as its clients read it.

Rule 1: times are naive strings, as the seed writes them; here they are UTC. Metadata is JSON text.
"""

from datetime import UTC, datetime

import msgspec
from pydantic import BaseModel, Field

from tailrace.events.event import JSON
from tailrace.events.types import Outcome
from tailrace.stores.conversations import Conversation, MessageRow, ThinkingRow


class SeedError(BaseModel):
    """What went wrong; a list of places where the request does not have its form."""

    detail: str | list[dict[str, object]]


class SeedState(BaseModel):
    """What a run has worked out; null where it has not come to it.

    The seed has no `input`: what an interactive run waits for.
    """

    success: bool
    workflow_id: str
    stage: str
    query: str
    intent: dict[str, object] | None = None
    context: dict[str, object] | None = None
    execution: dict[str, object] | None = None
    reflection: dict[str, object] | None = None
    input: dict[str, object] | None = None
    errors: str | None = None


class SeedConversation(BaseModel):
    """A conversation."""

    id: int
    title: str | None
    user_id: str | None
    created_at: str
    updated_at: str
    metadata: str
    page_name: str
    status: str

    @classmethod
    def of(cls, row: Conversation) -> "SeedConversation":
        """The conversation as the seed shows it."""
        return cls(
            id=row.id,
            title=row.title,
            user_id=row.user_id,
            created_at=seed_time(row.created_at),
            updated_at=seed_time(row.updated_at),
            metadata=_json_text(row.metadata),
            page_name=row.page_name,
            status=row.status,
        )


class SeedConversations(BaseModel):
    """A page of conversations, last used first, and how many there are in all."""

    items: list[SeedConversation]
    total: int


class Deleted(BaseModel):
    """The conversation that was deleted."""

    success: bool
    id: int


class SeedThinking(BaseModel):
    """One status a node gave while it worked."""

    id: int
    message_id: int
    content: str
    stage: str | None
    progress: float | None
    sequence: int
    metadata: str
    created_at: str

    @classmethod
    def of(cls, row: ThinkingRow) -> "SeedThinking":
        """The status as the seed shows it."""
        return cls(
            id=row.id,
            message_id=row.message_id,
            content=row.content,
            stage=row.stage,
            progress=row.progress,
            sequence=row.sequence,
            metadata="{}",
            created_at=seed_time(row.created_at),
        )


class SeedMessage(BaseModel):
    """A message with the thoughts that led to it."""

    id: int
    conversation_id: int
    parent_message_id: str | None
    run_id: str | None = Field(description="The run it belongs to; null for one made by hand.")
    role: str
    content: str
    status: str
    token_count: int
    metadata: str
    latency_ms: int
    error_message: str
    thinking: list[SeedThinking]
    completed_at: str | None
    created_at: str
    updated_at: str
    outcome: Outcome | None = Field(
        description="How its run ended; null while it goes on, and for other messages."
    )
    error_code: str | None = Field(description="Why its run failed; null where it did not.")

    @classmethod
    def of(cls, row: MessageRow) -> "SeedMessage":
        """The message as the seed shows it."""
        return cls(
            id=row.id,
            conversation_id=row.conversation_id,
            parent_message_id=row.parent_message_id,
            run_id=row.run_id,
            role=row.role,
            content=row.content,
            status=row.status.value,
            token_count=row.token_count,
            metadata=_json_text(row.metadata),
            latency_ms=row.latency_ms,
            error_message=row.error_message,
            thinking=[SeedThinking.of(each) for each in row.thinking],
            completed_at=seed_time(row.completed_at) if row.completed_at else None,
            created_at=seed_time(row.created_at),
            updated_at=seed_time(row.updated_at),
            outcome=row.outcome,
            error_code=row.error_code,
        )


class Interrupted(BaseModel):
    """The message whose answer was stopped."""

    message_id: str


def seed_time(at: datetime) -> str:
    """The time as the seed writes it, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _json_text(value: dict[str, JSON]) -> str:
    return msgspec.json.encode(value).decode()
