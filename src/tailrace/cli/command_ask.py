"""Floor 7: `tailrace ask`: a question, answered where it was asked."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tailrace.agent.home import holder
from tailrace.cli.adding import add
from tailrace.cli.asking import at_terminal
from tailrace.cli.door import Question
from tailrace.cli.exits import EXIT_HELP, Exit
from tailrace.cli.fetching import confirm, fetch, library_of, show_card, usable_model
from tailrace.cli.follow import follow
from tailrace.cli.interrupts import Interrupts
from tailrace.cli.opening import open_door
from tailrace.cli.options import settings_of
from tailrace.cli.runner import leave, run
from tailrace.cli.screen import Screen
from tailrace.cli.screen_json import JSONScreen
from tailrace.cli.screen_live import LiveScreen
from tailrace.cli.screen_plain import PlainScreen
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.llm.machine import runtime_is_installed
from tailrace.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(epilog=EXIT_HELP)
def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="What you want to know; - reads it from stdin.")],
    *,
    docs: Annotated[
        Path | None, typer.Option(help="Add this folder or file to your documents first.")
    ] = None,
    conversation: Annotated[
        int | None, typer.Option(help="The id of the conversation it belongs to.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print each event as a line of JSON.")
    ] = False,
) -> None:
    """Ask a question; the answer streams out of your own documents, with its sources.

    At a terminal you may be asked back what you mean. Ctrl-C stops the run and keeps what was
    written; a second one leaves without showing its end.
    """
    settings = settings_of(context)
    may_ask = not as_json and at_terminal()
    if question == "-":
        question = sys.stdin.read()
    if holder(settings.home) is None and not usable_model(settings):
        _offer_model(settings, may_ask=may_ask)
    asked = Question(text=question, conversation_id=conversation, interactive=may_ask)
    leave(run(_ask(settings, asked, docs, as_json=as_json)))


def screen_for(run_id: str, *, as_json: bool) -> Screen:
    """The screen that fits where stdout leads."""
    if as_json:
        return JSONScreen()
    console = Console(highlight=False)
    return LiveScreen(console, run_id) if console.is_terminal else PlainScreen()


async def _ask(settings: Settings, question: Question, docs: Path | None, *, as_json: bool) -> Exit:
    async with open_door(settings) as door:
        if docs is not None:
            ended = await add(door, [str(docs)], wait=False)
            if ended is Exit.CANCELLED:
                return ended
        with Interrupts() as interrupts:
            run_id = await door.start(question)
            screen = screen_for(run_id, as_json=as_json)
            return await follow(door, run_id, screen, interrupts, may_ask=question.interactive)


def _offer_model(settings: Settings, *, may_ask: bool) -> None:
    """Say that there is no model, and fetch one where a person at the terminal wants that."""
    typer.echo("No language model is set up, so answers are the passages themselves.", err=True)
    name = settings.llm_model or DEFAULT_MODEL
    library = library_of(settings)
    if not (may_ask and runtime_is_installed() and name in library.catalogue):
        how = f"`tailrace models pull {DEFAULT_MODEL}` fetches one"
        typer.echo(f"{how}; or set TAILRACE_LLM_URL to an endpoint.", err=True)
        return
    show_card(library, name, None)
    if confirm("Fetch this one now?", default=False):
        fetch(library, name)
