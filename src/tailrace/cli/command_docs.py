"""Floor 7: `tailrace docs`: what answers come from."""

from enum import StrEnum
from typing import Annotated

import msgspec
import typer

from tailrace.cli.adding import add
from tailrace.cli.door import CoverageView, DocumentView
from tailrace.cli.exits import Exit
from tailrace.cli.opening import open_door
from tailrace.cli.options import settings_of
from tailrace.cli.runner import leave, run
from tailrace.cli.screen import clean, one_line
from tailrace.settings import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Your documents."
)

_TITLE = 40


class Listed(StrEnum):
    """How documents that are listed can be found."""

    SEARCHABLE = "searchable"
    EMBEDDED = "embedded"
    SKIPPED = "skipped"
    FAILED = "failed"


_SHOWN_AS = {each: {each.value} for each in Listed} | {
    Listed.SEARCHABLE: {Listed.SEARCHABLE.value, Listed.EMBEDDED.value}
}


@app.command("add")
def add_documents(
    context: typer.Context,
    targets: Annotated[list[str], typer.Argument(help="Folders, files, web addresses.")],
    *,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until all is found by its meaning, too.")
    ] = False,
) -> None:
    """Add folders, files and web pages; those added before are brought up to date.

    Returns once all of it can be found by its words. Ctrl-C stops; what was read stays.
    """
    leave(run(_add(settings_of(context), targets, wait=wait)))


@app.command("list")
def list_documents(
    context: typer.Context,
    *,
    status: Annotated[
        Listed | None, typer.Option(help="Only those; `searchable` lists `embedded` ones, too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the documents, with the reason where one cannot be searched."""
    documents = run(_list(settings_of(context), status))
    for document in documents:
        typer.echo(msgspec.json.encode(document).decode() if as_json else _line(document))
    if not documents and status is None:
        typer.echo("No documents yet; `tailrace docs add FOLDER` adds some.", err=True)


@app.command()
def status(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Show how many documents can be found: by their words, by their meaning."""
    found = run(_status(settings_of(context)))
    typer.echo(msgspec.json.encode(found).decode() if as_json else coverage_lines(found))


@app.command()
def remove(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A document's id, or a path that was added.")],
) -> None:
    """Remove a document, or an added folder with its documents; the files stay."""
    count = run(_remove(settings_of(context), target))
    typer.echo(f"{count:,} removed")


async def _add(settings: Settings, targets: list[str], *, wait: bool) -> Exit:
    async with open_door(settings) as door:
        return await add(door, targets, wait=wait)


async def _status(settings: Settings) -> CoverageView:
    async with open_door(settings) as door:
        return await door.coverage()


async def _list(settings: Settings, status: Listed | None) -> list[DocumentView]:
    async with open_door(settings) as door:
        documents = await door.list_documents()
    return [each for each in documents if status is None or each.status in _SHOWN_AS[status]]


async def _remove(settings: Settings, target: str) -> int:
    async with open_door(settings) as door:
        return await door.remove_document(target)


def coverage_lines(found: CoverageView) -> str:
    """How much can be found, for people."""
    by_meaning = f"{found.pieces_embedded:,} by meaning ({found.model or 'no embedding model'})"
    return "\n".join(
        [
            f"Documents:   {found.documents:,}",
            f"Searchable:  {found.searchable:,}, {found.embedded:,} of them by meaning too",
            f"Skipped:     {found.skipped:,}",
            f"Failed:      {found.failed:,}",
            f"Passages:    {found.pieces:,}, {by_meaning}",
            f"Folders:     {found.folders}",
        ]
    )


def _line(document: DocumentView) -> str:
    title = one_line(document.title, _TITLE)
    reason = f"  ({document.status}: {clean(document.reason)})" if document.reason else ""
    return f"{document.id:>6}  {title:<{_TITLE}}  {clean(document.source)}{reason}"
