"""Testing kit: proves that two workers on one store never have the same run.

    async def test_my_store_keeps_leases() -> None:
        async with open_two_handles_on_my_store() as (one, two):
            await check_leases(Shared(one=one, two=two, pass_time=clock.sleep))

Each check makes runs of its own, so that all may use one store.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from tailrace.errors import FencedError, LeasedError, LogClosedError, TailraceError
from tailrace.events.asking import InputRequest, answering, asking
from tailrace.events.types import NodeType, Outcome, WorkflowStage
from tailrace.stores.base import RunState, StageResult, Store
from tailrace.testing.made_runs import (
    AT,
    LEASE_S,
    accepted_run,
    chunks,
    claimed,
    closing,
    placed,
    refused,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """One store, as two processes have it open.

    Attributes:
        one: The store, as the first has it.
        two: As the second has it.
        pass_time: Returns once so many seconds have passed on the store's clock.
    """

    one: Store
    two: Store
    pass_time: Callable[[float], Awaitable[None]]


async def check_leases(shared: Shared) -> None:
    """All checks, one after another.

    Raises:
        AssertionError: a promise is broken; the message says which.
    """
    for check in CHECKS:
        await check(shared)


async def check_a_run_is_taken_over_after_its_lease_only(shared: Shared) -> None:
    """By another worker; its own worker may claim it at any time."""
    run_id = (await accepted_run(shared.one)).run.run_id
    first = await claimed(shared.one, run_id, "one")
    await refused(LeasedError, claimed(shared.two, run_id, "two"), "a claim during a lease")
    again = await claimed(shared.one, run_id, "one")
    await shared.pass_time(LEASE_S - 1)
    await refused(LeasedError, claimed(shared.two, run_id, "two"), "a claim near a lease's end")
    await shared.pass_time(1.1)
    taken = await claimed(shared.two, run_id, "two")
    assert [run.epoch for run in (first, again, taken)] == [1, 2, 3]
    assert [run.attempts for run in (first, again, taken)] == [1, 2, 3]
    assert await shared.one.get_run(run_id, "") == taken


async def check_a_heartbeat_keeps_a_run(shared: Shared) -> None:
    """As long as it comes; one that comes late still counts while nobody has claimed the run."""
    run_id = (await accepted_run(shared.one)).run.run_id
    await claimed(shared.one, run_id, "one")
    await shared.pass_time(LEASE_S - 1)
    await shared.one.heartbeat(run_id, 1, LEASE_S)
    await shared.pass_time(LEASE_S - 1)
    await refused(LeasedError, claimed(shared.two, run_id, "two"), "a claim of a renewed lease")
    await shared.pass_time(LEASE_S)
    await shared.one.heartbeat(run_id, 1, LEASE_S)
    await refused(LeasedError, claimed(shared.two, run_id, "two"), "a claim after a late renewal")


async def check_a_zombie_is_fenced(shared: Shared) -> None:
    """Who comes back after a takeover writes nothing, and does not get the lease back."""
    conversation = await shared.one.create_conversation("", "home", {}, AT)
    accepted = await accepted_run(shared.one, conversation_id=conversation.id)
    run_id = accepted.run.run_id
    await claimed(shared.one, run_id, "one")
    await shared.one.append(run_id, 1, 2, chunks(run_id, 2, ["kept"]))
    await shared.pass_time(LEASE_S + 1)
    await claimed(shared.two, run_id, "two")
    zombie = shared.one
    late = chunks(run_id, 3, ["late"])
    result = StageResult(stage=WorkflowStage.EXECUTION, output={"from": "a zombie"})
    log = await zombie.read(run_id, 0, 10)
    terminal, final = closing(log, Outcome.ANSWERED)
    await refused(FencedError, zombie.append(run_id, 1, 3, late), "a zombie's append")
    await refused(
        FencedError,
        zombie.append(run_id, 1, 3, late, stage_result=result),
        "a zombie's stage result",
    )
    await refused(
        FencedError,
        zombie.append(run_id, 1, 3, [terminal], final_state=final),
        "a zombie's end",
    )
    await refused(FencedError, zombie.heartbeat(run_id, 1, 100 * LEASE_S), "a zombie's heartbeat")
    await zombie.release(run_id, 1)
    assert await shared.two.read(run_id, 0, 10) == log
    assert await shared.two.stage_results(run_id) == []
    run = await shared.two.get_run(run_id, "")
    assert (run.state, run.epoch, run.attempts) == (RunState.RUNNING, 2, 2)
    await shared.two.append(run_id, 2, 3, chunks(run_id, 3, [" on"], 2))
    await refused(LeasedError, claimed(zombie, run_id, "one"), "a zombie's claim")


async def check_one_of_two_claims_wins(shared: Shared) -> None:
    """When both come at once, of a run that nobody holds and of one whose lease has ended."""
    run_id = (await accepted_run(shared.one)).run.run_id
    for attempts in (1, 2):
        claims = await asyncio.gather(
            claimed(shared.one, run_id, f"one, {attempts}"),
            claimed(shared.two, run_id, f"two, {attempts}"),
            return_exceptions=True,
        )
        assert sorted(type(claim).__name__ for claim in claims) == ["LeasedError", "RunRow"]
        run = await shared.one.get_run(run_id, "")
        assert (run.attempts, run.epoch) == (attempts, attempts)
        assert run in claims
        await shared.pass_time(LEASE_S + 1)


async def check_a_queued_run_is_leased_too(shared: Shared) -> None:
    """The one that accepted it claims it, under the first epoch; another, when that one is gone."""
    mine = (await accepted_run(shared.one, worker="one")).run.run_id
    lost = (await accepted_run(shared.one, worker="one")).run.run_id
    await refused(LeasedError, claimed(shared.two, mine, "two"), "a claim of a queued run")
    await shared.pass_time(LEASE_S - 1)
    await shared.one.heartbeat(mine, 1, LEASE_S)
    await shared.pass_time(2)
    await refused(LeasedError, claimed(shared.two, mine, "two"), "a claim of a queued run")
    assert (await claimed(shared.one, mine, "one")).epoch == 1
    assert (await claimed(shared.two, lost, "two")).epoch == 2
    await refused(FencedError, shared.one.heartbeat(lost, 1, LEASE_S), "a late heartbeat")


async def check_a_run_that_was_given_back_is_anybodys(shared: Shared) -> None:
    """At once, whether it was in the queue or at work; who gave it back has it no more."""
    for works in (False, True):
        run_id = (await accepted_run(shared.one, worker="one")).run.run_id
        if works:
            await claimed(shared.one, run_id, "one")
        await shared.one.release(run_id, 1)
        given_back = await shared.two.get_run(run_id, "")
        assert (given_back.state, given_back.attempts) == (RunState.QUEUED, 0)
        await refused(FencedError, shared.one.heartbeat(run_id, 1, LEASE_S), "its heartbeat")
        assert (await claimed(shared.two, run_id, "two")).attempts == 1
        await refused(LeasedError, claimed(shared.one, run_id, "one"), "its next claim")


async def check_cancel_and_fail_need_no_lease(shared: Shared) -> None:
    """They close a run whoever holds it, and fence that one."""
    error = TailraceError("it was given up")
    for cancels in (True, False):
        run_id = (await accepted_run(shared.one)).run.run_id
        await claimed(shared.one, run_id, "one")
        if cancels:
            await shared.two.cancel(run_id, AT + timedelta(seconds=1))
        else:
            await shared.two.fail(run_id, error, AT + timedelta(seconds=1))
        late = chunks(run_id, 3, ["late"])
        await refused(FencedError, shared.one.append(run_id, 1, 3, late), "an append after it")
        await refused(FencedError, shared.one.heartbeat(run_id, 1, LEASE_S), "a heartbeat after it")
        await refused(LogClosedError, claimed(shared.one, run_id, "one"), "a claim after it")
        await refused(LogClosedError, claimed(shared.two, run_id, "two"), "a claim after it")


async def check_a_lost_reply_is_asked_for_again(shared: Shared) -> None:
    """On a new connection to the store, as one would after a cut: it was kept, once."""
    run_id = (await accepted_run(shared.one)).run.run_id
    await claimed(shared.one, run_id, "one")
    events = chunks(run_id, 2, ["a", "b"])
    assert await shared.one.append(run_id, 1, 2, events) == 3
    assert await shared.two.append(run_id, 1, 2, events) == 3
    assert [each.seq for each in await shared.one.read(run_id, 0, 10)] == [1, 2, 3]


async def check_a_run_that_waits_is_nobodys(shared: Shared) -> None:
    """Only an answer claims it, for whoever brings it; of two that do, one."""
    run_id = (await accepted_run(shared.one)).run.run_id
    await claimed(shared.one, run_id, "one")
    request = InputRequest(request_id="1", question="Which?", expires_at=AT + timedelta(days=7))
    asked = asking(request, stage=WorkflowStage.INTENT_ANALYSIS, node=NodeType.INTENT, at=AT)
    await shared.one.append(run_id, 1, 2, [placed(run_id, 2, asked)])
    await shared.pass_time(LEASE_S + 1)
    await refused(LeasedError, claimed(shared.two, run_id, "two"), "a claim of a run that waits")
    await shared.one.heartbeat(run_id, 1, LEASE_S)
    answers = [placed(run_id, 3, answering(asked, text, AT), epoch=2) for text in ("a", "b")]
    taken = await asyncio.gather(
        shared.one.resume(run_id, answers[0], worker="one", lease_s=LEASE_S),
        shared.two.resume(run_id, answers[1], worker="two", lease_s=LEASE_S),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in taken) == ["LogConflictError", "int"]
    await refused(FencedError, shared.one.heartbeat(run_id, 1, LEASE_S), "the epoch before it")
    await refused(LeasedError, claimed(shared.one, run_id, "three"), "a claim after an answer")


async def check_lost_runs_are_found(shared: Shared) -> None:
    """Whoever had them, once their leases have ended; and when to look again."""
    before = await shared.two.lost_runs("two", 1_000)
    known = {run.run_id for run in before.runs}

    async def found() -> tuple[list[str], bool]:
        lost = await shared.two.lost_runs("two", 1_000)
        new = [run.run_id for run in lost.runs if run.run_id not in known]
        return new, lost.next_end_s is not None and 0 < lost.next_end_s <= LEASE_S

    await shared.pass_time(LEASE_S + 1)
    known |= {run.run_id for run in (await shared.two.lost_runs("two", 1_000)).runs}
    queued = (await accepted_run(shared.one, worker="one")).run.run_id
    working = (await accepted_run(shared.one)).run.run_id
    own = (await accepted_run(shared.two)).run.run_id
    ended = (await accepted_run(shared.one)).run.run_id
    await claimed(shared.one, working, "one")
    await claimed(shared.two, own, "two")
    await shared.one.cancel(ended, AT + timedelta(seconds=1))
    assert await found() == ([], True)
    free = {run.run_id for run in await shared.two.live_runs("two")}
    assert (own in free, queued in free, working in free) == (True, False, False)
    await shared.pass_time(LEASE_S + 1)
    assert await found() == ([queued, working, own], False)
    assert len((await shared.two.lost_runs("two", 1)).runs) == 1
    await claimed(shared.two, working, "two")
    assert await found() == ([queued, own], False)


CHECKS = (
    check_a_run_is_taken_over_after_its_lease_only,
    check_a_heartbeat_keeps_a_run,
    check_a_zombie_is_fenced,
    check_one_of_two_claims_wins,
    check_a_queued_run_is_leased_too,
    check_a_run_that_was_given_back_is_anybodys,
    check_cancel_and_fail_need_no_lease,
    check_a_lost_reply_is_asked_for_again,
    check_a_run_that_waits_is_nobodys,
    check_lost_runs_are_found,
)
"""Every promise about leases, one function each; a test can be parametrised over them."""
