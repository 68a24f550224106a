"""Floor 7: `tailrace`, the command: finds the command that was asked for, and says what failed.

Rule 1: `tailrace --help` loads no command; each is a module that is loaded when it is asked for.
Rule 2: an error of ours is one line on stderr; of anything else the log has the traceback.
"""

import importlib
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from typer import _click
from typer.core import TyperCommand, TyperGroup

from tailrace.cli.exits import EXIT_HELP, Exit
from tailrace.cli.failures import install_hook, report
from tailrace.cli.options import Options
from tailrace.errors import InvalidRequestError, TailraceError

COMMANDS: Final = {
    "ask": "Ask a question; the answer streams, with its sources.",
    "serve": "Serve the web application and the HTTP interface.",
    "docs": "Add, list and remove the documents that answers come from.",
    "models": "List, fetch and remove models that run on this machine.",
    "runs": "List, show, watch, cancel and prune runs.",
    "eval": "Measure how well passages are found, on questions with known answers.",
    "backup": "Copy everything here to a file, while a server is at work or not.",
    "restore": "Put a backup in the place of what is here.",
    "export": "Write everything of yours to a folder, as Markdown and JSON.",
    "erase": "Erase everything here, or one conversation or run, for good.",
    "doctor": "Check this installation, and say what to do where something is wrong.",
}
"""What each command is for."""


def load(name: str) -> _click.Command:
    """The command of that name, with its options; `name` is one of `COMMANDS`."""
    module = importlib.import_module(f"tailrace.cli.command_{name}")
    return typer.main.get_command(module.app)


class _Commands(TyperGroup):
    """The commands, each loaded from its module when it is asked for."""

    def resolve_command(
        self, ctx: _click.Context, args: list[str]
    ) -> tuple[str | None, _click.Command | None, list[str]]:
        """The command itself."""
        name, found, rest = super().resolve_command(ctx, args)
        if name is None or found is None:
            return None, None, rest
        return name, load(name), rest


app = typer.Typer(
    cls=_Commands,
    name="tailrace",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # half a second at every --help and every wrong option
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_HELP,
)


def _version(*, wanted: bool) -> None:
    if wanted:
        version = importlib.import_module("importlib.metadata").version("tailrace")
        typer.echo(f"tailrace {version}")
        raise typer.Exit


@app.callback()
def _tailrace(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="The folder all data lives in; TAILRACE_HOME by default."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,  # noqa: FBT002 - a flag
    version: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Answers out of your own documents, on your own machine."""
    del version
    context.obj = Options(home=home, debug=debug)
    install_hook(context, context.obj)


def main() -> None:
    """Run the command that the arguments name; ends the process with its exit code."""
    try:
        command = typer.main.get_command(app)
        if isinstance(command, TyperGroup):
            for name, text in COMMANDS.items():
                command.add_command(TyperCommand(name, help=text))
        command(prog_name="tailrace")
    except TailraceError as error:
        report(error.message)
        sys.exit(Exit.USAGE if isinstance(error, InvalidRequestError) else Exit.FAILED)
