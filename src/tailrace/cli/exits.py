"""Floor 7: what the exit codes of every command mean; scripts rely on them."""

from enum import IntEnum
from typing import assert_never

from tailrace.events.types import Outcome


class Exit(IntEnum):
    """How a command ended."""

    OK = 0
    FAILED = 1
    USAGE = 2
    INSUFFICIENT_CONTEXT = 3
    CANCELLED = 130


EXIT_HELP = (
    "Exit codes: 0 answered, 1 failed or incomplete, 2 wrong usage, "
    "3 your documents do not say, 130 cancelled."
)


def exit_of(outcome: Outcome) -> Exit:
    """The exit code that tells how a run ended."""
    match outcome:
        case Outcome.ANSWERED:
            return Exit.OK
        case Outcome.INSUFFICIENT_CONTEXT:
            return Exit.INSUFFICIENT_CONTEXT
        case Outcome.CANCELLED:
            return Exit.CANCELLED
        case Outcome.FAILED | Outcome.EXPIRED:
            return Exit.FAILED
        case _:
            assert_never(outcome)
