"""Floor 7: `tailrace backup`: everything in one file that has been checked.

Rule: it reads the database itself, beside whoever is at work on it: a copy is of one moment.
"""

from pathlib import Path
from typing import Annotated

import typer

from tailrace.cli.options import settings_of
from tailrace.stores.registry import back_up_store

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_MB = 1_000_000


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Where to; nothing may be there yet.")],
) -> None:
    """Copy runs, conversations, documents and notes to FILE, and check the copy.

    A server may be at work meanwhile. Models are not in it: they can be fetched again.
    """
    target = file.expanduser().absolute()
    found = back_up_store(settings_of(context).home, target)
    typer.echo(
        f"{target}: {target.stat().st_size / _MB:,.1f} MB; "
        f"{found.events:,} events and {found.answers:,} answers are as they were written"
    )
