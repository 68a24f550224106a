"""Testing floor: runs and events as the kits put them into a store."""

from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime

import msgspec

from tailrace._ids import new_run_id
from tailrace.errors import TailraceError
from tailrace.events.ending import ending, with_facts
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import Outcome
from tailrace.stores.base import Accepted, FinalState, NewRun, RunRow, Store
from tailrace.stores.final import final_state

LEASE_S = 10.0
"""How long a lease of the kits holds."""

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""When everything in the kits happens."""


async def accepted_run(
    store: Store,
    *,
    conversation_id: int | None = None,
    owner: str = "",
    key: str | None = None,
    retry_of: str | None = None,
    query: str = "What is in the plan?",
    worker: str | None = None,
) -> Accepted:
    """A new run in `store`, which `worker` has in its queue; None: nobody has."""
    return await store.create(
        NewRun(
            run_id=new_run_id(),
            owner=owner,
            query=query,
            request={"query": query},
            session_id="session",
            conversation_id=conversation_id,
            retry_of=retry_of,
            idempotency_key=key,
            request_sha256="hash",
            created_at=AT,
            worker=worker,
            lease_s=LEASE_S,
        )
    )


async def claimed(store: Store, run_id: str, worker: str = "worker") -> RunRow:
    """The run, claimed by `worker` for `LEASE_S`."""
    return await store.claim(run_id, worker=worker, lease_s=LEASE_S)


def placed(run_id: str, seq: int, event: StreamEvent, epoch: int = 1) -> LoggedEvent:
    """`event` at its place in the log."""
    return LoggedEvent.of(
        msgspec.structs.replace(event, run_id=run_id, gen=1, seq=seq, epoch=epoch)
    )


def chunks(run_id: str, first_seq: int, texts: Sequence[str], epoch: int = 1) -> list[LoggedEvent]:
    """Chunks of an answer from `first_seq`."""
    return [
        placed(run_id, first_seq + i, StreamEvent.create_chunk(text, i), epoch)
        for i, text in enumerate(texts)
    ]


def closing(
    log: Sequence[LoggedEvent], outcome: Outcome, epoch: int = 1
) -> tuple[LoggedEvent, FinalState]:
    """The terminal event after `log`, and the final state it is committed with."""
    fold = RunFold()
    for logged in log:
        fold.apply(logged.event)
    run_id, seq = log[0].event.run_id, log[-1].seq + 1
    terminal = placed(run_id, seq, with_facts(ending(outcome, AT), fold, seq), epoch)
    fold.apply(terminal.event)
    return terminal, final_state(fold, terminal.event)


async def refused(expected: type[TailraceError], attempt: Awaitable[object], what: str) -> None:
    """Nothing, where `attempt` raises what was expected.

    Raises:
        AssertionError: it does not.
    """
    try:
        await attempt
    except expected:
        return
    msg = f"{what}: {expected.__name__} was expected, and nothing was raised"
    raise AssertionError(msg)
