"""Floor 2: PastConversations, what was asked and answered, as documents to be searched.

Rule 1: an exchange counts once its answer is whole; an answer that found nothing has nothing.
Rule 2: nothing of a conversation that was deleted or erased is left: its document goes whole, and
    is made anew of what remains.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import msgspec

from tailrace._clock import Clock
from tailrace.context.chunk import MAX_CHARS, split
from tailrace.context.decode import clean
from tailrace.errors import NotFoundError
from tailrace.events.types import Outcome
from tailrace.stores.conversations import ConversationStore, MessageRow, MessageStatus
from tailrace.stores.documents import DocumentOrigin, DocumentStore, NewChunk, NewDocument

KIND: Final = "conversation"
_MOST_EXCHANGES: Final = 500
_TITLE_CHARS: Final = 120
_APART: Final = "\n\n"


def source_of(conversation_id: int) -> str:
    """The source of the document that a conversation is."""
    return f"conversation:{conversation_id}"


class PastConversations:
    """Makes documents of conversations."""

    def __init__(
        self, conversations: ConversationStore, documents: DocumentStore, clock: Clock
    ) -> None:
        self._conversations = conversations
        self._documents = documents
        self._clock = clock

    async def keep(self, conversation_id: int, owner: str) -> None:
        """Bring the conversation's document up to date, or remove it where nothing is left.

        Raises:
            StoreError: it cannot be kept.
        """
        try:
            conversation = await self._conversations.get_conversation(conversation_id, owner)
        except NotFoundError:
            await self.forget(conversation_id, owner)
            return
        messages = await self._conversations.list_messages(conversation_id, owner)
        exchanges = _exchanges(messages)
        if conversation.status != "active" or not exchanges:
            await self.forget(conversation_id, owner)
            return
        title = " ".join((conversation.title or exchanges[0][0]).split())[:_TITLE_CHARS]
        texts = [f"You: {question}{_APART}Answer: {answer}" for question, answer in exchanges]
        text = _APART.join(texts)
        sha256 = hashlib.sha256(f"{title}{_APART}{text}".encode()).hexdigest()
        before = await self._documents.find(owner, source_of(conversation_id))
        if before is not None and before.sha256 == sha256:
            return
        document = NewDocument(
            owner=owner,
            source=source_of(conversation_id),
            title=title,
            kind=KIND,
            size_bytes=len(text.encode()),
            mtime_ns=None,
            sha256=sha256,
            text=text,
            origin=DocumentOrigin.CONVERSATION,
        )
        await self._documents.put(document, _chunks(texts, title), self._clock.now())

    async def forget(self, conversation_id: int, owner: str) -> None:
        """Remove the conversation's document, if there is one.

        Raises:
            StoreError: it cannot be removed.
        """
        row = await self._documents.find(owner, source_of(conversation_id))
        if row is not None:
            with suppress(NotFoundError):
                await self._documents.delete(row.id, owner)


def _exchanges(messages: Sequence[MessageRow]) -> list[tuple[str, str]]:
    """Question and newest whole answer, in order, the newest of them where there are very many."""
    questions = {each.id: clean(each.content).strip() for each in messages if each.role == "user"}
    answers: dict[int, str] = {}
    last: int | None = None
    for message in messages:
        if message.role == "user":
            last = message.id
            continue
        parent = message.parent_message_id or ""
        asked = int(parent) if parent.isascii() and parent.isdecimal() else last
        whole = message.status is MessageStatus.COMPLETED
        found_something = message.outcome is not Outcome.INSUFFICIENT_CONTEXT
        text = clean(message.content).strip()
        if asked in questions and whole and found_something and text and questions[asked]:
            answers[asked] = text
    return [(questions[asked], answers[asked]) for asked in questions if asked in answers][
        -_MOST_EXCHANGES:
    ]


def _chunks(texts: Sequence[str], title: str) -> list[NewChunk]:
    """A chunk for each exchange, several where it is long."""
    chunks: list[NewChunk] = []
    start = 0
    for text in texts:
        if len(text) <= MAX_CHARS:
            parts = [NewChunk(heading="", char_start=0, char_end=len(text), text=text)]
        else:
            parts = split(text, ())
        chunks += [
            msgspec.structs.replace(
                part,
                heading=title,
                char_start=start + part.char_start,
                char_end=start + part.char_end,
            )
            for part in parts
        ]
        start += len(text) + len(_APART)
    return chunks
