"""Floor 7: `tailrace doctor`: whether this installation works, and what to do where it does not."""

from typing import Annotated

import typer

from tailrace.cli.checks import Verdict, checks
from tailrace.cli.exits import Exit
from tailrace.cli.options import settings_of
from tailrace.cli.runner import leave

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_COLOURS = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.BROKEN: "red"}


@app.command()
def doctor(
    context: typer.Context,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Check the hash of each model too.")] = False,
) -> None:
    """Check this installation; exits with 1 where something is broken."""
    broken = 0
    for finding in checks(settings_of(context), deep=deep):
        broken += finding.verdict is Verdict.BROKEN
        mark = typer.style(finding.verdict.value, fg=_COLOURS[finding.verdict])
        typer.echo(f"{mark} {finding.name:<9} {finding.detail}")
        if finding.advice:
            typer.echo(f"            → {finding.advice}")
    leave(Exit.FAILED if broken else Exit.OK)
