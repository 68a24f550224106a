"""Floor 7: `tailrace export`: everything of mine, in files that need no Tailrace to be read."""

from pathlib import Path
from typing import Annotated

import typer

from tailrace.cli.exporting import export as write
from tailrace.cli.options import settings_of
from tailrace.cli.runner import run

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="A folder that is new, or empty.")],
    *,
    owner: Annotated[str, typer.Option(help="Whose, where keys with owners are in use.")] = "",
) -> None:
    """Write conversations, runs, documents and settings to FOLDER, as Markdown and JSON.

    A server may be at work meanwhile. Keys are left out.
    """
    target = folder.expanduser().absolute()
    counts = run(write(settings_of(context), target, owner))
    typer.echo(
        f"{target}: {counts.conversations:,} conversations, {counts.runs:,} runs, "
        f"{counts.documents:,} documents"
    )
    for run_id in counts.damaged:
        typer.echo(f"run {run_id} is damaged, and there only in part", err=True)
