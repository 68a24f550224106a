"""Floor 7: runs the asynchronous part of a command."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import typer

from tailrace.cli.exits import Exit

T = TypeVar("T")


def run(work: Coroutine[None, None, T]) -> T:
    """What `work` gives; an error out of a group of tasks comes alone, the first of them."""
    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        error = _first(group)
        raise error from group


def leave(code: Exit) -> None:
    """End the command with `code`.

    Raises:
        Exit: unless all is well, which needs no words.
    """
    if code:
        raise typer.Exit(code)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    if isinstance(first, BaseExceptionGroup):
        return _first(first)  # pyright: ignore[reportUnknownArgumentType]  # narrowing loses it
    return first
