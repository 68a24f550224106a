"""Testing floor: conversations and messages in memory; see `tailrace.testing.memory_store`."""

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from tailrace.errors import ConflictError, NotFoundError
from tailrace.events.event import JSON
from tailrace.events.fold import RunFold, Status
from tailrace.events.logged import LoggedEvent
from tailrace.stores.base import FinalState
from tailrace.stores.conversations import (
    OPEN_STATUSES,
    Conversation,
    MessageRow,
    MessageStatus,
    NewMessage,
    ThinkingRow,
)
from tailrace.stores.final import message_metadata

_HISTORY: Final = 200
_TITLE_CHARS: Final = 50
_ACTIVE: Final = "active"
_DELETED: Final = "deleted"


class MemoryConversations:
    """Keeps conversations and messages; each method is described by `ConversationStore`."""

    def __init__(self) -> None:
        self._conversations: dict[int, Conversation] = {}
        self._messages: dict[int, MessageRow] = {}
        self._conversation_ids = itertools.count(1)
        self._message_ids = itertools.count(1)
        self._thinking_ids = itertools.count(1)

    def log_of(self, run_id: str) -> Sequence[LoggedEvent]:
        """The log of the run that writes a message."""
        del run_id
        return ()

    async def create_conversation(
        self, owner: str, page_name: str, metadata: dict[str, JSON], at: datetime
    ) -> Conversation:
        """See `ConversationStore.create_conversation`."""
        conversation = Conversation(
            id=next(self._conversation_ids),
            owner=owner,
            title=None,
            user_id=None,
            page_name=page_name,
            status=_ACTIVE,
            metadata=metadata,
            created_at=at,
            updated_at=at,
        )
        self._conversations[conversation.id] = conversation
        return conversation

    async def get_conversation(self, conversation_id: int, owner: str) -> Conversation:
        """See `ConversationStore.get_conversation`.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        found = self._conversations.get(conversation_id)
        if found is None or found.owner != owner:
            msg = f"there is no conversation {conversation_id}"
            raise NotFoundError(msg)
        return found

    async def list_conversations(
        self, owner: str, limit: int, offset: int, page_name: str | None, status: str
    ) -> tuple[list[Conversation], int]:
        """See `ConversationStore.list_conversations`."""
        found = [
            c
            for c in self._conversations.values()
            if (c.owner, c.status) == (owner, status) and page_name in {None, c.page_name}
        ]
        found.sort(key=lambda c: (c.updated_at, c.id), reverse=True)
        return found[offset : offset + limit], len(found)

    async def rename_conversation(
        self, conversation_id: int, owner: str, title: str, at: datetime
    ) -> Conversation:
        """See `ConversationStore.rename_conversation`."""
        found = self._active(conversation_id, owner)
        renamed = msgspec.structs.replace(found, title=title, updated_at=at)
        self._conversations[conversation_id] = renamed
        return renamed

    async def delete_conversation(self, conversation_id: int, owner: str, at: datetime) -> None:
        """See `ConversationStore.delete_conversation`."""
        found = await self.get_conversation(conversation_id, owner)
        if found.status != _DELETED:
            self._conversations[conversation_id] = msgspec.structs.replace(
                found, status=_DELETED, updated_at=at
            )

    async def list_messages(self, conversation_id: int, owner: str) -> list[MessageRow]:
        """See `ConversationStore.list_messages`."""
        conversation = self._conversations.get(conversation_id)
        if conversation is None or conversation.owner != owner:
            return []
        return [self._so_far(m) for m in self._of(conversation_id)]

    async def get_message(self, message_id: int, owner: str) -> MessageRow:
        """See `ConversationStore.get_message`.

        Raises:
            NotFoundError: there is none, or it is somebody else's.
        """
        found = self._messages.get(message_id)
        if found is None or self._conversations[found.conversation_id].owner != owner:
            msg = f"there is no message {message_id}"
            raise NotFoundError(msg)
        return self._so_far(found)

    async def history(self, conversation_id: int, before_message_id: int) -> list[MessageRow]:
        """See `ConversationStore.history`."""
        messages = self._of(conversation_id)
        answered = {  # the newest answer that a run gave to each message
            m.parent_message_id: m.id for m in messages if m.run_id and m.content
        }
        found = [
            msgspec.structs.replace(m, thinking=())
            for m in messages
            if m.id < before_message_id
            and m.content
            and m.status not in OPEN_STATUSES
            and (
                m.run_id is None
                or m.parent_message_id is None
                or answered.get(m.parent_message_id, m.id) <= m.id
            )
        ]
        return found[-_HISTORY:]

    async def add_message(self, message: NewMessage, owner: str) -> int:
        """See `ConversationStore.add_message`."""
        title_from = message.content if message.role == "user" else ""
        self._use(message.conversation_id, owner, message.created_at, title_from)
        status = MessageStatus.COMPLETED if message.complete else MessageStatus.STREAMING
        return self._add(
            message.conversation_id,
            None,
            message.parent_message_id,
            message.role,
            message.content,
            status,
            message.created_at,
            message.token_count,
        )

    async def append_content(
        self, message_id: int, owner: str, chunk: str, token_count: int, at: datetime
    ) -> None:
        """See `ConversationStore.append_content`.

        Raises:
            ConflictError: it has ended.
        """
        found = self._made_by_hand(message_id, owner)
        if found.status not in OPEN_STATUSES:
            msg = f"message {message_id} has ended; nothing can be appended to it"
            raise ConflictError(msg)
        self._messages[message_id] = msgspec.structs.replace(
            found,
            content=found.content + chunk,
            token_count=found.token_count + token_count,
            updated_at=at,
        )
        self._use(found.conversation_id, owner, at)

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
        """See `ConversationStore.replace_content`."""
        found = self._made_by_hand(message_id, owner)
        tokens = found.token_count if token_count is None else token_count
        self._messages[message_id] = msgspec.structs.replace(
            found, content=content, token_count=tokens, updated_at=at
        )
        self._use(found.conversation_id, owner, at)
        if complete:
            await self.end_message(message_id, owner, MessageStatus.COMPLETED, at)

    async def end_message(
        self, message_id: int, owner: str, status: MessageStatus, at: datetime
    ) -> None:
        """See `ConversationStore.end_message`."""
        if self._writable(message_id, owner).status not in OPEN_STATUSES:
            return
        found = self._made_by_hand(message_id, owner)
        self._messages[message_id] = msgspec.structs.replace(
            found, status=status, updated_at=at, completed_at=at
        )
        self._use(found.conversation_id, owner, at)

    def _add(
        self,
        conversation_id: int,
        run_id: str | None,
        parent: str | None,
        role: str,
        content: str,
        status: MessageStatus,
        at: datetime,
        token_count: int = 0,
    ) -> int:
        message_id = next(self._message_ids)
        self._messages[message_id] = MessageRow(
            id=message_id,
            conversation_id=conversation_id,
            parent_message_id=parent,
            run_id=run_id,
            role=role,
            content=content,
            status=status,
            token_count=token_count,
            metadata={},
            latency_ms=0,
            error_message="",
            thinking=(),
            created_at=at,
            updated_at=at,
            completed_at=None if status in OPEN_STATUSES else at,
        )
        return message_id

    def _of(self, conversation_id: int) -> list[MessageRow]:
        return [m for m in self._messages.values() if m.conversation_id == conversation_id]

    def _active(self, conversation_id: int, owner: str) -> Conversation:
        found = self._conversations.get(conversation_id)
        if found is None or found.owner != owner or found.status != _ACTIVE:
            msg = f"there is no conversation {conversation_id}, or it is deleted"
            raise NotFoundError(msg)
        return found

    def _use(self, conversation_id: int, owner: str, at: datetime, title_from: str = "") -> None:
        found = self._active(conversation_id, owner)
        title = found.title or " ".join(title_from.split())[:_TITLE_CHARS] or None
        self._conversations[conversation_id] = msgspec.structs.replace(
            found, title=title, updated_at=at
        )

    def _writable(self, message_id: int, owner: str) -> MessageRow:
        found = self._messages.get(message_id)
        if found is None:
            msg = f"there is no message {message_id}"
            raise NotFoundError(msg)
        self._active(found.conversation_id, owner)
        return found

    def _made_by_hand(self, message_id: int, owner: str) -> MessageRow:
        found = self._writable(message_id, owner)
        if found.run_id is not None:
            msg = f"message {message_id} belongs to run {found.run_id}, which alone writes it"
            raise ConflictError(msg)
        return found

    def _set_status(self, message_id: int | None, status: MessageStatus, at: datetime) -> None:
        if message_id is not None:
            self._messages[message_id] = msgspec.structs.replace(
                self._messages[message_id], status=status, updated_at=at
            )

    def _finish(self, message_id: int | None, final: FinalState) -> None:
        """Write what the run that ended says its message is."""
        if message_id is None:
            return
        message = self._messages[message_id]
        self._messages[message_id] = msgspec.structs.replace(
            message,
            content=final.content,
            status=MessageStatus(final.state.value),
            token_count=final.token_count,
            metadata=final.metadata,
            latency_ms=final.latency_ms,
            error_message=final.error_message,
            thinking=tuple(
                _thinking(next(self._thinking_ids), message_id, sequence, status)
                for sequence, status in enumerate(final.thinking, start=1)
            ),
            updated_at=final.finished_at,
            completed_at=final.finished_at,
            outcome=final.outcome,
            error_code=final.error_code,
        )
        conversation = self._conversations[message.conversation_id]
        self._conversations[conversation.id] = msgspec.structs.replace(
            conversation, updated_at=final.finished_at
        )

    def _so_far(self, message: MessageRow) -> MessageRow:
        if message.status not in OPEN_STATUSES or message.run_id is None:
            return message
        fold = RunFold()
        for logged in self.log_of(message.run_id):
            fold.apply(logged.event)
        return msgspec.structs.replace(
            message,
            content=fold.text,
            metadata=message_metadata(fold),
            thinking=tuple(
                _thinking(0, message.id, sequence, status)
                for sequence, status in enumerate(fold.thinking, start=1)
            ),
        )


def _thinking(id_: int, message_id: int, sequence: int, status: Status) -> ThinkingRow:
    return ThinkingRow(
        id=id_,
        message_id=message_id,
        content=status.content,
        stage=status.stage.value if status.stage else None,
        progress=status.progress,
        sequence=sequence,
        created_at=status.timestamp,
    )
