"""Floor 7: `tailrace erase`: gone for good, after the person has said so.

Rule 1: nothing is removed before the word was typed, or `--yes` given.
Rule 2: what is erased is in no file of the home any more, or the file that may have it is named.
"""

import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from tailrace.agent.home import Home
from tailrace.cli.failures import LOG_FILE
from tailrace.cli.opening import open_door
from tailrace.cli.options import settings_of
from tailrace.cli.runner import run
from tailrace.errors import InvalidRequestError
from tailrace.settings import Settings
from tailrace.stores.registry import copies_in, files_in

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_WORD: Final = "erase"


@app.command()
def erase(
    context: typer.Context,
    *,
    conversation: Annotated[
        int | None, typer.Option(help="Only this conversation, by its id.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", help="Only this run, its question and its answer.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
) -> None:
    """Erase everything here, or one conversation or run, for good.

    To erase everything, stop the server first. Your own files, those you added as documents, stay,
    and so do models.
    """
    settings = settings_of(context)
    what = _what(settings, conversation, run_id)
    _confirm(what, yes=yes)
    if conversation is None and run_id is None:
        gone, left = _erase_home(settings)
        for path in gone:
            typer.echo(f"erased {path}")
        if left:
            typer.echo(f"Left, as they are not Tailrace's: {', '.join(left)}", err=True)
        return
    run(_erase(settings, conversation, run_id))
    typer.echo(f"erased {what}")
    copies = copies_in(settings.home)
    if copies:
        names = ", ".join(map(str, copies))
        typer.echo(f"These copies may still have it; delete them: {names}", err=True)


def _what(settings: Settings, conversation: int | None, run_id: str | None) -> str:
    """What is to be erased, in words.

    Raises:
        InvalidRequestError: it is two things.
    """
    if conversation is not None and run_id is not None:
        msg = "say --conversation or --run, not both"
        raise InvalidRequestError(msg)
    if run_id is not None:
        return f"run {run_id}"
    return (
        f"everything in {settings.home}" if conversation is None else f"conversation {conversation}"
    )


async def _erase(settings: Settings, conversation: int | None, run_id: str | None) -> None:
    async with open_door(settings) as door:
        if run_id is not None:
            await door.erase_run(run_id)
        elif conversation is not None:
            await door.erase_conversation(conversation)
    for log in _logs(settings.home):
        log.write_bytes(b"")  # emptied, not removed: a server may be writing to it


def _erase_home(settings: Settings) -> tuple[list[Path], list[str]]:
    """The files that were removed, and the names of those that are somebody else's."""
    home = Home.lock(settings.home)
    try:
        gone = [*files_in(settings.home), *copies_in(settings.home), *_logs(settings.home)]
        for path in gone:
            path.unlink()
    finally:
        home.unlock()
    left = sorted(path.name for path in settings.home.iterdir() if path.name != "lock")
    return gone, left


def _logs(home: Path) -> list[Path]:
    return sorted(path for path in home.glob(f"{LOG_FILE}*") if path.is_file())


def _confirm(what: str, *, yes: bool) -> None:
    """Return once the person has typed the word.

    Raises:
        InvalidRequestError: they typed another, or nobody is there to type.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        msg = f"nobody is there to confirm that {what} is to be erased; say --yes"
        raise InvalidRequestError(msg)
    answer = typer.prompt(f"This erases {what} for good. Type {_WORD} to go on", default="")
    if answer.strip() != _WORD:
        msg = "nothing was erased"
        raise InvalidRequestError(msg)
