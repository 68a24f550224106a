"""Floor 7: `tailrace restore`: a backup in the place of what is there, which is put aside."""

from pathlib import Path
from typing import Annotated

import typer

from tailrace._clock import SYSTEM_CLOCK
from tailrace.agent.home import Home
from tailrace.cli.options import settings_of
from tailrace.settings import Settings
from tailrace.stores.registry import restore_store

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `tailrace backup` has made.")],
) -> None:
    """Put the backup FILE in the place of what is here, after it was checked.

    What was here is put aside, not deleted. A server must be stopped first.
    """
    settings, copy = settings_of(context), file.expanduser().absolute()
    aside = _restore(settings, copy)
    typer.echo(f"{settings.home} is as it was when {copy} was made.")
    if aside is not None:
        typer.echo(f"What was there before is in {aside}; delete that once all is well.", err=True)


def _restore(settings: Settings, copy: Path) -> Path | None:
    home = Home.lock(settings.home)
    try:
        return restore_store(settings.home, copy, SYSTEM_CLOCK.now())
    finally:
        home.unlock()
