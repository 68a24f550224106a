"""Testing kit: proves that a store lets go of what is old as `tailrace.stores.retention` says."""

from datetime import timedelta

from tailrace.errors import HistoryTrimmedError, LogClosedError
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import Outcome
from tailrace.stores.base import Store
from tailrace.stores.retention import Trimmed
from tailrace.testing.made_runs import AT, accepted_run, chunks, closing, refused

LATER = AT + timedelta(days=40)
"""When everything in this kit has ended long ago."""


async def ended_run(
    store: Store, texts: list[str], *, conversation_id: int | None = None, owner: str = ""
) -> list[LoggedEvent]:
    """The log of a run that has answered `texts`."""
    accepted = await accepted_run(store, conversation_id=conversation_id, owner=owner)
    run_id = accepted.run.run_id
    log = [accepted.first_event, *chunks(run_id, 2, texts)]
    terminal, final = closing(log, Outcome.ANSWERED)
    await store.append(run_id, 1, 2, log[1:])
    await store.append(
        run_id, 1, terminal.seq, [terminal], stage=terminal.event.stage, final_state=final
    )
    return [*log, terminal]


async def check_old_events_go_and_the_end_stays(store: Store) -> None:
    """Of an old run only the terminal event can be read; its answer is as it was."""
    conversation = await store.create_conversation("", "home", {}, AT)
    log = await ended_run(store, ["The ", "plan."], conversation_id=conversation.id)
    run_id, last = log[0].event.run_id, log[-1].seq
    messages = await store.list_messages(conversation.id, "")
    assert await store.trimmable(LATER) == Trimmed(runs=1, events=last - 1, done=True)
    assert await store.trim(LATER, 100) == Trimmed(runs=1, events=last - 1, done=True)
    run = await store.get_run(run_id, "")
    assert (run.trimmed_seq, run.last_seq) == (last - 1, last)
    assert await store.read(run_id, last - 1, 10) == log[-1:]
    for after in range(last - 1):
        await refused(HistoryTrimmedError, store.read(run_id, after, 10), f"events after {after}")
    assert await store.list_messages(conversation.id, "") == messages
    assert await store.trim(LATER, 100) == Trimmed(runs=0, events=0, done=True)


async def check_a_long_log_goes_in_steps(store: Store) -> None:
    """No step takes more events than it may; what is left can be read at any time."""
    log = await ended_run(store, list("abcdefgh"))
    run_id, gone = log[0].event.run_id, 0
    while not (step := await store.trim(LATER, 3)).done:
        assert step.events <= 3, "a step took more than it may"
        gone += step.events
        assert (await store.get_run(run_id, "")).trimmed_seq == gone
        assert await store.read(run_id, gone, 100) == log[gone:]
    assert gone + step.events == len(log) - 1


async def check_what_is_live_or_young_stays(store: Store) -> None:
    """A run that has not ended, or not so long ago, keeps every event; so does somebody else's."""
    live = (await accepted_run(store)).run.run_id
    young = await ended_run(store, ["new"])
    others = await ended_run(store, ["theirs"], owner="ada")
    assert await store.trim(AT, 100) == Trimmed(runs=0, events=0, done=True)
    await store.trim(LATER, 100, owner="")
    assert len(await store.read(live, 0, 10)) == 1
    assert await store.read(others[0].event.run_id, 0, 10) == others
    assert (await store.get_run(young[0].event.run_id, "")).trimmed_seq == len(young) - 1
    await store.append(live, 1, 2, chunks(live, 2, ["on"]))


async def check_a_trimmed_log_takes_nothing(store: Store) -> None:
    """A late append to a trimmed run is refused, the lost reply of its last one is not."""
    log = await ended_run(store, ["a", "b"])
    run_id = log[0].event.run_id
    await store.trim(LATER, 100)
    await refused(LogClosedError, store.append(run_id, 1, 2, log[1:3]), "a repeat of what is gone")
    assert await store.append(run_id, 1, log[-1].seq, log[-1:]) == log[-1].seq


async def check_a_key_finds_its_trimmed_run(store: Store) -> None:
    """An idempotency key gives its run and event 1, whether or not that event is still kept."""
    accepted = await accepted_run(store, key="key")
    run_id = accepted.run.run_id
    await store.cancel(run_id, AT)
    await store.trim(LATER, 100)
    again = await accepted_run(store, key="key")
    assert (again.run.run_id, again.first_event) == (run_id, accepted.first_event)


CHECKS = (
    check_old_events_go_and_the_end_stays,
    check_a_long_log_goes_in_steps,
    check_what_is_live_or_young_stays,
    check_a_trimmed_log_takes_nothing,
    check_a_key_finds_its_trimmed_run,
)
"""Every promise about letting go, one function each."""
