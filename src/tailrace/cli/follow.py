"""Floor 7: follow, one run from its start or a cursor to its end, on a screen.

Rule 1: Ctrl-C asks the run to stop and goes on showing it until its `interrupted` has arrived.
Rule 2: a stream that ended without its terminal event, or does not fit it, is told loudly.
Rule 3: what the run asks back is asked of the person at the terminal, where there is one.
"""

import asyncio
from contextlib import aclosing

from tailrace.cli.asking import TypedLines, UnansweredError, answer
from tailrace.cli.door import Door
from tailrace.cli.exits import Exit, exit_of
from tailrace.cli.failures import report
from tailrace.cli.interrupts import Interrupts
from tailrace.cli.screen import INCOMPLETE, MISFIT, UNANSWERED, Screen
from tailrace.errors import TailraceError
from tailrace.events.event import Cursor
from tailrace.events.receipt import Receipt
from tailrace.events.types import EventType


async def follow(
    door: Door,
    run_id: str,
    screen: Screen,
    interrupts: Interrupts | None,
    after: Cursor | None = None,
    *,
    may_ask: bool = False,
) -> Exit:
    """Show the run to its end; without `interrupts`, leaving does not stop it.

    Raises:
        TailraceError: it cannot be followed.
    """
    receipt = Receipt(after.seq if after else 0)
    try:
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(screen.animate())]
            if interrupts is not None:
                beside.append(tasks.create_task(_stop_when_asked(door, run_id, screen, interrupts)))
            try:
                await _show(door, run_id, screen, receipt, tasks, after, may_ask=may_ask)
            finally:
                for task in beside:
                    task.cancel()
                screen.end(receipt)
    except* UnansweredError:
        pass  # told below
    if receipt.problems:
        report(MISFIT.format(problems="; ".join(receipt.problems)))
        return Exit.FAILED
    if receipt.outcome is None:
        waits = receipt.fold.input_required is not None
        report((UNANSWERED if waits else INCOMPLETE).format(run_id=run_id))
        return Exit.FAILED
    return exit_of(receipt.outcome)


async def _show(
    door: Door,
    run_id: str,
    screen: Screen,
    receipt: Receipt,
    tasks: asyncio.TaskGroup,
    after: Cursor | None,
    *,
    may_ask: bool,
) -> None:
    """Show each event; what the run asks is asked beside, until the next event."""
    typed = TypedLines() if may_ask else None
    answering: asyncio.Task[None] | None = None
    try:
        async with aclosing(door.follow(run_id, after)) as events:
            async for event in events:
                if answering is not None:
                    answering.cancel()
                receipt.take(event)
                screen.show(event, receipt)
                if event.type is EventType.INPUT_REQUIRED:
                    answering = tasks.create_task(answer(door, event, screen, typed))
    finally:
        if answering is not None:
            answering.cancel()


async def _stop_when_asked(door: Door, run_id: str, screen: Screen, interrupts: Interrupts) -> None:
    await interrupts.pressed.wait()
    screen.stopping()
    try:
        await door.cancel(run_id)
    except TailraceError as error:
        report(f"the run could not be stopped: {error.message}")
    interrupts.stop_answered()
