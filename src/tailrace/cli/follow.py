"""Floor 7: follow, one run from its start or a cursor to its end, on a screen.

Rule 1: Ctrl-C asks the run to stop and goes on showing it until its `interrupted` has arrived.
Rule 2: a stream that ended without its terminal event, or does not fit it, is told loudly.
"""

import asyncio
from contextlib import aclosing

from tailrace.cli.door import Door
from tailrace.cli.exits import Exit, exit_of
from tailrace.cli.failures import report
from tailrace.cli.interrupts import Interrupts
from tailrace.cli.screen import INCOMPLETE, MISFIT, Screen
from tailrace.errors import TailraceError
from tailrace.events.event import Cursor
from tailrace.events.receipt import Receipt


async def follow(
    door: Door,
    run_id: str,
    screen: Screen,
    interrupts: Interrupts | None,
    after: Cursor | None = None,
) -> Exit:
    """Show the run to its end; without `interrupts`, leaving does not stop it.

    Raises:
        TailraceError: it cannot be followed.
    """
    receipt = Receipt(after.seq if after else 0)
    async with asyncio.TaskGroup() as tasks:
        beside = [tasks.create_task(screen.animate())]
        if interrupts is not None:
            beside.append(tasks.create_task(_stop_when_asked(door, run_id, screen, interrupts)))
        try:
            async with aclosing(door.follow(run_id, after)) as events:
                async for event in events:
                    receipt.take(event)
                    screen.show(event, receipt)
        finally:
            for task in beside:
                task.cancel()
            screen.end(receipt)
    if receipt.problems:
        report(MISFIT.format(problems="; ".join(receipt.problems)))
        return Exit.FAILED
    if receipt.outcome is None:
        report(INCOMPLETE.format(run_id=run_id))
        return Exit.FAILED
    return exit_of(receipt.outcome)


async def _stop_when_asked(door: Door, run_id: str, screen: Screen, interrupts: Interrupts) -> None:
    await interrupts.pressed.wait()
    screen.stopping()
    try:
        await door.cancel(run_id)
    except TailraceError as error:
        report(f"the run could not be stopped: {error.message}")
