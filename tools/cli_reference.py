"""Tool: the text of docs/reference/cli.md, from the commands themselves; see `reference.py`.

Rule: what it writes does not depend on the terminal, the shell or the environment.
"""

from collections.abc import Iterator
from typing import Final

import typer
from typer import _click
from typer.core import TyperGroup

from tailrace.cli.main import COMMANDS, app, load

_HELP: Final = "help"


def commands() -> Iterator[_click.Context]:
    """`tailrace` itself, and every command that does something."""
    main = _context(typer.main.get_command(app), "tailrace", None)
    yield main
    for name in COMMANDS:
        yield from _leaves(_context(load(name), name, main))


def sections(context: _click.Context) -> Iterator[str]:
    """The paragraphs about one command."""
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"## {context.command_path}"
    yield f"```\n{usage}\n```"
    yield (command.help or "").strip()
    if isinstance(command, TyperGroup):
        rows = [f"| `tailrace {name}` | {text} |" for name, text in COMMANDS.items()]
        yield "\n".join(["| command | what |", "|---|---|", *rows])
    rows = list(_rows(context))
    if rows:
        yield "\n".join(["| argument or option | meaning |", "|---|---|", *rows])
    if command.epilog:
        yield command.epilog


def _context(command: _click.Command, name: str, parent: _click.Context | None) -> _click.Context:
    return command.context_class(command, info_name=name, parent=parent, **command.context_settings)


def _leaves(context: _click.Context) -> Iterator[_click.Context]:
    command = context.command
    if not isinstance(command, TyperGroup):
        yield context
        return
    for name, each in command.commands.items():
        yield from _leaves(_context(each, name, context))


def _rows(context: _click.Context) -> Iterator[str]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and parameter.name != _HELP:
            name, meaning = (" ".join(part.split()).replace("|", "\\|") for part in record)
            yield f"| `{name}` | {meaning} |"
