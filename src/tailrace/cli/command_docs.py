"""Floor 7: `tailrace docs`: what answers come from."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tailrace.cli.adding import add
from tailrace.cli.door import DocumentView
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


@app.command("add")
def add_documents(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Folders and files.")],
) -> None:
    """Add folders and files; those added before are brought up to date."""
    settings = settings_of(context)
    found = run(_add(settings, paths))
    leave(Exit.OK if found else Exit.FAILED)


@app.command("list")
def list_documents(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """List the documents, with the reason where one cannot be searched."""
    documents = run(_list(settings_of(context)))
    for document in documents:
        typer.echo(msgspec.json.encode(document).decode() if as_json else _line(document))
    if not documents:
        typer.echo("No documents yet; `tailrace docs add FOLDER` adds some.", err=True)


@app.command()
def remove(
    context: typer.Context,
    target: Annotated[str, typer.Argument(help="A document's id, or a path that was added.")],
) -> None:
    """Remove a document, or an added folder with its documents; the files stay."""
    count = run(_remove(settings_of(context), target))
    typer.echo(f"{count:,} removed")


async def _add(settings: Settings, paths: list[Path]) -> bool:
    """Whether there is anything that can be searched."""
    async with open_door(settings) as door:
        report = await add(door, paths)
    return bool(report.added or report.updated or report.unchanged)


async def _list(settings: Settings) -> list[DocumentView]:
    async with open_door(settings) as door:
        return await door.list_documents()


async def _remove(settings: Settings, target: str) -> int:
    async with open_door(settings) as door:
        return await door.remove_document(target)


def _line(document: DocumentView) -> str:
    title = one_line(document.title, _TITLE)
    reason = f"  ({document.status}: {clean(document.reason)})" if document.reason else ""
    return f"{document.id:>6}  {title:<{_TITLE}}  {clean(document.source)}{reason}"
