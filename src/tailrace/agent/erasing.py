"""Floor 5: erasing, how a person removes what is theirs: for good, and at once.

Rule 1: what still works is stopped first; nothing begins in a conversation that is being erased.
Rule 2: small steps, with a breath between: live runs commit through the same thread.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from tailrace.agent.context_agent import ContextAgent
from tailrace.agent.retention import BREATH_S, STEP
from tailrace.stores.base import LIVE_STATES
from tailrace.stores.registry import erasing_of
from tailrace.stores.retention import Trimmed

_STEPS_A_CALL: Final = 20
_PAGE: Final = 200


async def prune(
    agent: ContextAgent, older_than: timedelta, *, owner: str = "", dry_run: bool = False
) -> Trimmed:
    """Let go of events of the owner's runs that ended so long ago; ask again until it is done.

    Raises:
        StoreError: the store cannot be written.
    """
    store, before = agent.parts.store, agent.clock.now() - older_than
    if dry_run:
        return await store.trimmable(before, owner=owner)
    runs = events = 0
    for _ in range(_STEPS_A_CALL):
        step = await store.trim(before, STEP, owner=owner)
        runs, events = runs + step.runs, events + step.events
        if step.done:
            break
        await asyncio.sleep(BREATH_S)
    else:
        return Trimmed(runs=runs, events=events, done=False)
    return Trimmed(runs=runs, events=events, done=True)


async def erase_run(agent: ContextAgent, run_id: str, *, owner: str = "") -> None:
    """Remove the run, stopped if it works, with its answer, and its question if no other has it.

    Raises:
        NotFoundError: there is no such run, or it is somebody else's.
        StoreError: the store cannot be written.
    """
    run = await agent.cancel(run_id, owner=owner)
    erasing = erasing_of(agent.parts.store)
    await _to_the_end(lambda: erasing.erase_run(run_id, STEP))
    if run.conversation_id is not None:
        await agent.recall.again(run.conversation_id, owner)


async def erase_conversation(agent: ContextAgent, conversation_id: int, *, owner: str = "") -> None:
    """Remove the conversation with its messages and runs; those that work are stopped.

    Raises:
        NotFoundError: there is no such conversation, or it is somebody else's.
        ConflictError: a run began in it at that very moment; ask again.
        StoreError: the store cannot be written.
    """
    store = agent.parts.store
    await store.delete_conversation(conversation_id, owner, agent.clock.now())
    last: str | None = None
    while runs := await store.conversation_runs(conversation_id, last, _PAGE):
        for run in runs:
            if run.state in LIVE_STATES:
                await agent.cancel(run.run_id, owner=owner)
        last = runs[-1].run_id
    erasing = erasing_of(store)
    await _to_the_end(lambda: erasing.erase_conversation(conversation_id, STEP))
    await agent.recall.forget(conversation_id, owner)


async def wipe(agent: ContextAgent) -> None:
    """Write the home's files anew, so that no byte of what was removed is left in them.

    Raises:
        StorageFullError: there is no room for that; it takes as much again as there is.
        StoreError: it cannot be done now.
    """
    await erasing_of(agent.parts.store).wipe()


async def _to_the_end(step: Callable[[], Awaitable[bool]]) -> None:
    done = await step()
    while not done:
        await asyncio.sleep(BREATH_S)
        done = await step()
