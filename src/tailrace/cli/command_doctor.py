"""Floor 7: `tailrace doctor`: whether this installation works, and what to do where it does not."""

from typing import Annotated

import typer

from tailrace.cli.checks import checks, checks_of_address
from tailrace.cli.exits import Exit
from tailrace.cli.finding import Finding, Verdict
from tailrace.cli.options import settings_of
from tailrace.cli.runner import leave

app = typer.Typer(add_completion=False, rich_markup_mode=None)

_COLOURS = {Verdict.OK: "green", Verdict.NOTE: "yellow", Verdict.BROKEN: "red"}


@app.command()
def doctor(
    context: typer.Context,
    *,
    deep: Annotated[bool, typer.Option("--deep", help="Check the hash of each model too.")] = False,
    url: Annotated[
        str | None,
        typer.Option(help="Check the server at this address alone, as through a proxy."),
    ] = None,
) -> None:
    """Check this installation; exits with 1 where something is broken."""
    settings, broken = settings_of(context), 0
    findings = checks(settings, deep=deep) if url is None else checks_of_address(settings, url)
    for finding in findings:
        broken += finding.verdict is Verdict.BROKEN
        first, *rest = lines_of(finding)
        mark = typer.style(finding.verdict.value, fg=_COLOURS[finding.verdict])
        typer.echo("\n".join([first.replace(finding.verdict.value, mark, 1), *rest]))
    leave(Exit.FAILED if broken else Exit.OK)


def lines_of(finding: Finding) -> list[str]:
    """The finding as it is printed, without its colour."""
    first = f"{finding.verdict.value} {finding.name:<9} {finding.detail}"
    return [first, f"            → {finding.advice}"] if finding.advice else [first]
