"""A terminal that is slow gets a snapshot in place of events, and shows what it lacks, once."""

from collections.abc import Sequence
from io import StringIO

import pytest

from tailrace.cli.screen_plain import PlainScreen
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.receipt import Receipt
from tailrace.events.types import EventType, Outcome, WorkflowStage
from tailrace.testing.logs import LogMaker


def a_log(*, retract: bool) -> Sequence[LoggedEvent]:
    log = LogMaker()
    log.chunk("One ")
    log.chunk("two ")
    if retract:
        log.add(EventType.RETRACT, metadata={"discard_after": 1})
    log.status(EventType.RUNNING, WorkflowStage.EXECUTION, "Answering", 0.5)
    log.chunk("three.")
    return log.end(Outcome.ANSWERED)


@pytest.mark.parametrize(("retract", "shown"), [(False, "One two three."), (True, "One \nthree.")])
def test_a_snapshot_is_shown_as_what_is_missing(*, retract: bool, shown: str) -> None:
    log, fold, receipt, out = a_log(retract=retract), RunFold(), Receipt(), StringIO()
    screen = PlainScreen(out, StringIO())
    for logged in log[:-1]:
        fold.apply(logged.event)
    for logged in [*log[:2], fold.snapshot(), log[-1]]:
        receipt.take(logged.event)
        screen.show(logged.event, receipt)
    assert out.getvalue() == shown
    assert receipt.problems == []
