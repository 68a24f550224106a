"""Floor 1: SQLiteStore, the store contract over one `Database`."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

import apsw

from tailrace._clock import SYSTEM_CLOCK, Clock
from tailrace.errors import TailraceError
from tailrace.events.event import JSON
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import Outcome, RunKind, WorkflowStage
from tailrace.stores.base import Accepted, FinalState, LostRuns, NewRun, RunRow, StageResult
from tailrace.stores.conversations import Conversation, MessageRow, MessageStatus, NewMessage
from tailrace.stores.sqlite import conversations, leases, logs, messages, runs, snapshots
from tailrace.stores.sqlite.database import Database, Synchronous
from tailrace.stores.sqlite.migrate import migrate
from tailrace.stores.sqlite.retention import SQLiteRetention


class SQLiteStore(SQLiteRetention):
    """Keeps runs, logs and conversations; each method is described by `stores.base.Store`."""

    @classmethod
    async def open(
        cls,
        path: Path,
        synchronous: Synchronous = Synchronous.FULL,
        clock: Clock = SYSTEM_CLOCK,
    ) -> Self:
        """The store in the file at `path`, made or brought up to date.

        Raises:
            StoreError: the file cannot be used.
        """
        database = await Database.open(path, synchronous, lambda c: migrate(c, path))
        return cls(database, clock)

    async def aclose(self) -> None:
        """Commit what is pending and close."""
        await self.database.aclose()

    async def create(self, run: NewRun) -> Accepted:
        """See `RunStore.create`."""
        at = self._clock.now()
        return await self.database.write(lambda c: runs.create(c, run, at))

    async def claim(self, run_id: str, *, worker: str, lease_s: float) -> RunRow:
        """See `RunStore.claim`."""
        at = self._clock.now()
        return await self.database.write(lambda c: leases.claim(c, run_id, worker, lease_s, at))

    async def heartbeat(self, run_id: str, epoch: int, lease_s: float) -> None:
        """See `RunStore.heartbeat`."""
        at = self._clock.now()
        await self.database.write(lambda c: leases.heartbeat(c, run_id, epoch, lease_s, at))

    async def release(self, run_id: str, epoch: int) -> None:
        """See `RunStore.release`."""
        at = self._clock.now()
        await self.database.write(lambda c: leases.release(c, run_id, epoch, at))

    async def lost_runs(self, worker: str, limit: int) -> LostRuns:
        """See `RunStore.lost_runs`."""
        at = self._clock.now()
        return await self.database.read(lambda c: leases.lost(c, worker, limit, at))

    def append(
        self,
        run_id: str,
        epoch: int,
        first_seq: int,
        events: Sequence[LoggedEvent],
        *,
        stage: WorkflowStage | None = None,
        stage_result: StageResult | None = None,
        final_state: FinalState | None = None,
    ) -> "asyncio.Future[int]":
        """See `RunStore.append`."""
        return self.database.write(
            lambda c: logs.append(
                c, run_id, epoch, first_seq, events, stage, stage_result, final_state
            )
        )

    def resume(
        self, run_id: str, event: LoggedEvent, *, worker: str, lease_s: float
    ) -> "asyncio.Future[int]":
        """See `RunStore.resume`."""
        at = self._clock.now()
        return self.database.write(lambda c: leases.resume(c, run_id, event, worker, lease_s, at))

    async def cancel(self, run_id: str, at: datetime) -> RunRow:
        """See `RunStore.cancel`."""
        return await self.database.write(
            lambda c: logs.close(c, run_id, Outcome.CANCELLED, None, at)
        )

    async def fail(self, run_id: str, error: TailraceError, at: datetime) -> RunRow:
        """See `RunStore.fail`."""
        return await self.database.write(lambda c: logs.close(c, run_id, Outcome.FAILED, error, at))

    async def live_runs(self, worker: str | None = None) -> list[RunRow]:
        """See `RunStore.live_runs`."""
        at = self._clock.now()
        return await self.database.read(lambda c: leases.live(c, worker, at))

    async def read(self, run_id: str, after_seq: int, limit: int) -> list[LoggedEvent]:
        """See `RunStore.read`."""
        return await self.database.read(lambda c: logs.read(c, run_id, after_seq, limit))

    async def snapshot(self, run_id: str) -> LoggedEvent | None:
        """See `RunStore.snapshot`."""
        return await self.database.read(lambda c: snapshots.get(c, run_id))

    async def conversation_runs(
        self, conversation_id: int, after: str | None, limit: int
    ) -> list[RunRow]:
        """See `RunStore.conversation_runs`."""
        return await self.database.read(
            lambda c: conversations.list_runs(c, conversation_id, after, limit)
        )

    async def stage_results(self, run_id: str) -> list[StageResult]:
        """See `RunStore.stage_results`."""
        return await self.database.read(lambda c: logs.stage_results(c, run_id))

    async def get_run(self, run_id: str, owner: str) -> RunRow:
        """See `RunStore.get_run`."""
        return await self.database.read(lambda c: runs.get(c, run_id, owner))

    async def list_runs(
        self, owner: str, limit: int, before: str | None, kind: RunKind | None = None
    ) -> list[RunRow]:
        """See `RunStore.list_runs`."""
        return await self.database.read(lambda c: runs.list_newest(c, owner, limit, before, kind))

    async def create_conversation(
        self, owner: str, page_name: str, metadata: dict[str, JSON], at: datetime
    ) -> Conversation:
        """See `ConversationStore.create_conversation`."""
        return await self.database.write(
            lambda c: conversations.create(c, owner, page_name, metadata, at)
        )

    async def get_conversation(self, conversation_id: int, owner: str) -> Conversation:
        """See `ConversationStore.get_conversation`."""
        return await self.database.read(lambda c: conversations.get(c, conversation_id, owner))

    async def list_conversations(
        self, owner: str, limit: int, offset: int, page_name: str | None, status: str
    ) -> tuple[list[Conversation], int]:
        """See `ConversationStore.list_conversations`."""
        return await self.database.read(
            lambda c: conversations.list_page(c, owner, limit, offset, page_name, status)
        )

    async def list_messages(self, conversation_id: int, owner: str) -> list[MessageRow]:
        """See `ConversationStore.list_messages`."""
        return await self.database.read(
            lambda c: conversations.list_messages(c, conversation_id, owner)
        )

    async def get_message(self, message_id: int, owner: str) -> MessageRow:
        """See `ConversationStore.get_message`."""
        return await self.database.read(lambda c: conversations.get_message(c, message_id, owner))

    async def history(self, conversation_id: int, before_message_id: int) -> list[MessageRow]:
        """See `ConversationStore.history`."""
        return await self.database.read(
            lambda c: conversations.history(c, conversation_id, before_message_id)
        )

    async def rename_conversation(
        self, conversation_id: int, owner: str, title: str, at: datetime
    ) -> Conversation:
        """See `ConversationStore.rename_conversation`."""
        return await self.database.write(
            lambda c: conversations.rename(c, conversation_id, owner, title, at)
        )

    async def delete_conversation(self, conversation_id: int, owner: str, at: datetime) -> None:
        """See `ConversationStore.delete_conversation`."""
        await self.database.write(lambda c: conversations.delete(c, conversation_id, owner, at))

    async def add_message(self, message: NewMessage, owner: str) -> int:
        """See `ConversationStore.add_message`."""
        return await self.database.write(lambda c: messages.add(c, message, owner))

    async def append_content(
        self, message_id: int, owner: str, chunk: str, token_count: int, at: datetime
    ) -> None:
        """See `ConversationStore.append_content`."""
        await self.database.write(
            lambda c: messages.append(c, message_id, owner, chunk, token_count, at)
        )

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

        def write(connection: apsw.Connection) -> None:
            messages.replace(connection, message_id, owner, content, token_count, at)
            if complete:
                messages.end(connection, message_id, owner, MessageStatus.COMPLETED, at)

        await self.database.write(write)

    async def end_message(
        self, message_id: int, owner: str, status: MessageStatus, at: datetime
    ) -> None:
        """See `ConversationStore.end_message`."""
        await self.database.write(lambda c: messages.end(c, message_id, owner, status, at))
