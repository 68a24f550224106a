"""Testing kit: proves that a store keeps the contract of `tailrace.stores.base`.

    async def test_my_store_keeps_the_contract() -> None:
        await check_store(open_my_store)

Each check opens a store of its own, which must be empty.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from tailrace._ids import new_run_id
from tailrace.errors import (
    ConflictError,
    FencedError,
    LogClosedError,
    LogConflictError,
    NotFoundError,
    TailraceError,
)
from tailrace.events.ending import content_sha256, ending, with_facts
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome, WorkflowStage
from tailrace.stores.base import Accepted, FinalState, NewRun, RunState, StageResult, Store
from tailrace.stores.conversations import MessageStatus
from tailrace.stores.final import final_state

OpenStore = Callable[[], Awaitable[Store]]
"""Opens an empty store."""

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def check_store(open_store: OpenStore) -> None:
    """All checks, one after another.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    for check in CHECKS:
        store = await open_store()
        try:
            await check(store)
        finally:
            await store.aclose()


async def accepted_run(
    store: Store, *, conversation_id: int | None = None, owner: str = "", key: str | None = None
) -> Accepted:
    """A new run in `store`."""
    return await store.create(
        NewRun(
            run_id=new_run_id(),
            owner=owner,
            query="What is in the plan?",
            request={"query": "What is in the plan?"},
            session_id="session",
            conversation_id=conversation_id,
            idempotency_key=key,
            request_sha256="hash",
            created_at=AT,
        )
    )


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


async def _refused(expected: type[TailraceError], attempt: Awaitable[object], what: str) -> None:
    try:
        await attempt
    except expected:
        return
    msg = f"{what}: {expected.__name__} was expected, and nothing was raised"
    raise AssertionError(msg)


async def check_create_commits_event_one_and_messages(store: Store) -> None:
    """A run is made with event 1 and both messages, in one commit."""
    conversation = await store.create_conversation("", "home", {}, AT)
    accepted = await accepted_run(store, conversation_id=conversation.id)
    run = accepted.run
    user, assistant = await store.list_messages(conversation.id, "")
    event = accepted.first_event.event
    assert (run.state, run.epoch, run.gen, run.last_seq) == (RunState.QUEUED, 1, 1, 1)
    assert (user.role, user.content, user.status) == ("user", run.query, MessageStatus.COMPLETED)
    assert (assistant.role, assistant.status) == ("assistant", MessageStatus.PENDING)
    assert (event.type, event.stage) == (EventType.RUNNING, WorkflowStage.INIT)
    assert event.metadata == {
        "run_id": run.run_id,
        "workflow_id": run.run_id,
        "session_id": "session",
        "conversation_id": conversation.id,
        "user_message_id": user.id,
        "assistant_message_id": assistant.id,
    }
    assert await store.read(run.run_id, 0, 10) == [accepted.first_event]
    assert (await store.get_conversation(conversation.id, "")).title == run.query


async def check_nothing_is_half_made(store: Store) -> None:
    """A run in a conversation that does not exist leaves nothing behind."""
    await _refused(NotFoundError, accepted_run(store, conversation_id=99), "unknown conversation")
    assert await store.list_runs("", 10, None) == []


async def check_append_is_idempotent_and_ordered(store: Store) -> None:
    """The same range again succeeds; other bytes, and a gap, do not."""
    run_id = (await accepted_run(store)).run.run_id
    events = chunks(run_id, 2, ["a", "b"])
    assert await store.append(run_id, 1, 2, events) == 3
    assert await store.append(run_id, 1, 2, events) == 3
    other = chunks(run_id, 2, ["a", "X"])
    await _refused(LogConflictError, store.append(run_id, 1, 2, other), "other bytes")
    gap = chunks(run_id, 5, ["e"])
    await _refused(LogConflictError, store.append(run_id, 1, 5, gap), "a gap")
    assert [event.seq for event in await store.read(run_id, 0, 10)] == [1, 2, 3]


async def check_reads_follow_the_cursor(store: Store) -> None:
    """`read` gives what lies after the cursor, up to its limit, in order."""
    run_id = (await accepted_run(store)).run.run_id
    events = chunks(run_id, 2, list("abcdef"))
    await store.append(run_id, 1, 2, events)
    assert await store.read(run_id, 3, 2) == events[2:4]
    assert await store.read(run_id, 7, 2) == []
    assert await store.read("unknown", 0, 2) == []


async def check_a_stale_epoch_is_fenced(store: Store) -> None:
    """After a second claim the first worker can write nothing more."""
    run_id = (await accepted_run(store)).run.run_id
    first = await store.claim(run_id)
    second = await store.claim(run_id)
    assert (first.epoch, second.epoch, second.attempts) == (1, 2, 2)
    late = chunks(run_id, 2, ["late"])
    await _refused(FencedError, store.append(run_id, 1, 2, late), "a stale epoch")
    assert await store.append(run_id, 2, 2, chunks(run_id, 2, ["new"], 2)) == 2


async def check_the_end_is_one_commit_and_final(store: Store) -> None:
    """The terminal event and the message's final state come together; nothing follows."""
    conversation = await store.create_conversation("", "home", {}, AT)
    accepted = await accepted_run(store, conversation_id=conversation.id)
    run_id = accepted.run.run_id
    await store.claim(run_id)
    written = chunks(run_id, 2, ["The ", "plan."])
    terminal, final = closing([accepted.first_event, *written], Outcome.ANSWERED)
    result = StageResult(stage=WorkflowStage.EXECUTION, output={"x": 1})
    await store.append(run_id, 1, 2, written, stage_result=result)
    await store.append(run_id, 1, 4, [terminal], stage=terminal.event.stage, final_state=final)
    run = await store.get_run(run_id, "")
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (run.state, run.outcome, run.last_seq) == (RunState.COMPLETED, Outcome.ANSWERED, 4)
    assert (message.status, message.content) == (MessageStatus.COMPLETED, "The plan.")
    assert terminal.event.metadata["content_sha256"] == content_sha256(message.content)
    assert await store.stage_results(run_id) == [result]
    after = chunks(run_id, 5, ["late"])
    await _refused(LogClosedError, store.append(run_id, 1, 5, after), "an append after the end")
    await _refused(LogClosedError, store.claim(run_id), "a claim after the end")


async def check_cancel_closes_the_log(store: Store) -> None:
    """Cancel keeps the partial text, fences the worker, and changes nothing the second time."""
    conversation = await store.create_conversation("", "home", {}, AT)
    run_id = (await accepted_run(store, conversation_id=conversation.id)).run.run_id
    await store.claim(run_id)
    await store.append(run_id, 1, 2, chunks(run_id, 2, ["partial"]))
    run = await store.cancel(run_id, AT + timedelta(seconds=1))
    assert (run.state, run.epoch, run.last_seq) == (RunState.CANCELLED, 2, 3)
    assert await store.cancel(run_id, AT + timedelta(seconds=2)) == run
    late = chunks(run_id, 3, ["late"])
    await _refused(FencedError, store.append(run_id, 1, 3, late), "an append after cancel")
    terminal = (await store.read(run_id, 2, 10))[0].event
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (terminal.type, terminal.stage) == (EventType.INTERRUPTED, WorkflowStage.CANCELLED)
    assert (message.status, message.content) == (MessageStatus.CANCELLED, "partial")


async def check_open_runs_can_be_failed(store: Store) -> None:
    """What a dead process left open is found and closed, its text kept."""
    open_run = (await accepted_run(store)).run.run_id
    ended = (await accepted_run(store)).run.run_id
    await store.cancel(ended, AT)
    assert await store.live_runs() == [open_run]
    run = await store.fail(open_run, TailraceError("its worker was lost"), AT)
    assert (run.state, run.outcome, run.error_code) == (
        RunState.FAILED,
        Outcome.FAILED,
        "internal",
    )
    assert await store.live_runs() == []


async def check_a_live_message_shows_its_log(store: Store) -> None:
    """A message of a live run has the text of its log so far."""
    conversation = await store.create_conversation("", "home", {}, AT)
    run_id = (await accepted_run(store, conversation_id=conversation.id)).run.run_id
    await store.claim(run_id)
    await store.append(run_id, 1, 2, chunks(run_id, 2, ["so ", "far"]))
    message = (await store.list_messages(conversation.id, ""))[1]
    assert (message.status, message.content) == (MessageStatus.STREAMING, "so far")


async def check_an_idempotency_key_finds_its_run(store: Store) -> None:
    """The same key and request give the same run; another request is refused."""
    first = await accepted_run(store, key="key")
    again = await accepted_run(store, key="key")
    assert again == first
    assert (await accepted_run(store, key="key", owner="other")).run.run_id != first.run.run_id
    reused = NewRun(
        run_id=new_run_id(),
        owner="",
        query="Another?",
        request={},
        session_id="session",
        conversation_id=None,
        idempotency_key="key",
        request_sha256="another hash",
        created_at=AT,
    )
    await _refused(ConflictError, store.create(reused), "a reused key")
    late = msgspec.structs.replace(reused, created_at=AT + timedelta(hours=25))
    assert (await store.create(late)).run.query == "Another?"


async def check_owners_do_not_see_each_other(store: Store) -> None:
    """Another owner's run, conversation and message are not found."""
    conversation = await store.create_conversation("ada", "home", {}, AT)
    run = (await accepted_run(store, conversation_id=conversation.id, owner="ada")).run
    message_id = run.assistant_message_id
    assert message_id is not None
    await _refused(NotFoundError, store.get_run(run.run_id, "bob"), "a foreign run")
    await _refused(
        NotFoundError, store.get_conversation(conversation.id, "bob"), "a foreign conversation"
    )
    await _refused(NotFoundError, store.get_message(message_id, "bob"), "a foreign message")
    foreign = accepted_run(store, conversation_id=conversation.id, owner="bob")
    await _refused(NotFoundError, foreign, "a run in a foreign conversation")
    assert await store.list_messages(conversation.id, "bob") == []
    assert await store.list_runs("bob", 10, None) == []
    assert await store.list_conversations("bob", 10, 0, None, "active") == ([], 0)


CHECKS = (
    check_create_commits_event_one_and_messages,
    check_nothing_is_half_made,
    check_append_is_idempotent_and_ordered,
    check_reads_follow_the_cursor,
    check_a_stale_epoch_is_fenced,
    check_the_end_is_one_commit_and_final,
    check_cancel_closes_the_log,
    check_open_runs_can_be_failed,
    check_a_live_message_shows_its_log,
    check_an_idempotency_key_finds_its_run,
    check_owners_do_not_see_each_other,
)
"""Every promise of the contract, one function each; a test can be parametrised over them."""
