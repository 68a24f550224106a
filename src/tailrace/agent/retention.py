"""Floor 5: retention, how long things are kept, and the task that lets go of them.

Rule 1: one small step at a time, with a breath between: live runs commit through the same thread.
Rule 2: what cannot be let go of now is tried again an hour later; nobody waits for it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Final, TypeVar

import msgspec

from tailrace._clock import Clock
from tailrace.errors import ConflictError, StoreError
from tailrace.settings import Settings
from tailrace.stores.base import Store
from tailrace.stores.erasing import Erasing

_Id = TypeVar("_Id", int, str)

_log = logging.getLogger(__name__)

STEP: Final = 1_000
"""Rows that go in one commit: some milliseconds."""

KEYS_KEPT: Final = timedelta(hours=24)
"""How long an idempotency key finds its run; part of the store's contract."""

_EVERY_S: Final = 3_600.0
BREATH_S: Final = 0.02


class LetGo(msgspec.Struct, kw_only=True):
    """What one round let go of."""

    events: int = 0
    conversations: int = 0
    runs: int = 0
    keys: int = 0


@asynccontextmanager
async def retaining(
    store: Store,
    erasing: Erasing,
    settings: Settings,
    clock: Clock,
    on_gone: Callable[[], None] | None = None,
) -> AsyncGenerator[None, None]:
    """Let go of what is old, now and every hour, until this is left; `on_gone` is told of it."""
    hourly = _every_hour(store, erasing, settings, clock, on_gone)
    task = asyncio.create_task(hourly, name="retention")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("nothing more was let go of", exc_info=error)


async def let_go(store: Store, erasing: Erasing, settings: Settings, clock: Clock) -> LetGo:
    """One round: everything that is older than the settings say.

    Raises:
        StoreError: the store cannot be written.
    """
    now, gone = clock.now(), LetGo()
    gone.keys = await _in_steps(lambda: erasing.free_keys(now - KEYS_KEPT, STEP))
    if settings.events_kept_s > 0:
        before = now - timedelta(seconds=settings.events_kept_s)

        async def trim() -> int:
            return (await store.trim(before, STEP)).events

        gone.events = await _in_steps(trim)
    for kept_s, deleted in ((settings.deleted_kept_s, True), (settings.messages_kept_s, False)):
        if kept_s <= 0:
            continue
        before = now - timedelta(seconds=kept_s)
        gone.conversations += await _in_steps(
            lambda before=before, deleted=deleted: _old_conversations(
                erasing, before, deleted=deleted
            )
        )
    if settings.messages_kept_s > 0:
        before = now - timedelta(seconds=settings.messages_kept_s)
        gone.runs = await _in_steps(lambda: _old_runs(erasing, before))
    return gone


async def _every_hour(
    store: Store,
    erasing: Erasing,
    settings: Settings,
    clock: Clock,
    on_gone: Callable[[], None] | None,
) -> None:
    while True:
        try:
            gone = await let_go(store, erasing, settings, clock)
        except StoreError as error:
            _log.warning("what is old could not be let go of: %s", error.message)
        else:
            if gone.conversations and on_gone is not None:
                on_gone()
            if gone != LetGo():
                _log.info(
                    "let go of %d events, %d conversations, %d runs that are old",
                    gone.events,
                    gone.conversations,
                    gone.runs,
                )
        await asyncio.sleep(_EVERY_S)


async def _old_conversations(erasing: Erasing, before: datetime, *, deleted: bool) -> int:
    found = await erasing.old_conversations(before, STEP, deleted=deleted)
    return await _erase(found, erasing.erase_conversation)


async def _old_runs(erasing: Erasing, before: datetime) -> int:
    return await _erase(await erasing.old_runs(before, STEP), erasing.erase_run)


async def _in_steps(step: Callable[[], Awaitable[int]]) -> int:
    """How much went in all, until a step found nothing more."""
    gone = 0
    while went := await step():
        gone += went
        await asyncio.sleep(BREATH_S)
    return gone


async def _erase(found: Sequence[_Id], erase: Callable[[_Id, int], Awaitable[bool]]) -> int:
    """How many of what was found are gone; where a run began meanwhile, it stays."""

    async def unfinished(each: _Id) -> int:
        return 0 if await erase(each, STEP) else 1

    gone = 0
    for each in found:
        with suppress(ConflictError):
            await _in_steps(lambda each=each: unfinished(each))
            gone += 1
            await asyncio.sleep(BREATH_S)
    return gone
