"""Floor 7: `tailrace models`: list, pull and remove the models of this machine."""

import json
import re
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from tailrace.cli.exits import Exit
from tailrace.cli.fetching import confirm, fetch, library_of, show_card, usable_model
from tailrace.cli.options import settings_of
from tailrace.cli.runner import leave
from tailrace.errors import InvalidRequestError
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.llm.library import ModelLibrary
from tailrace.llm.machine import runtime_is_installed

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="List, fetch and remove models of this machine.",
)

_MB = 1_000_000


@app.command("list")
def list_models(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """List the models that are here, and those that can be fetched by name."""
    library = library_of(settings_of(context))
    here = {model.name: model for model in library.installed()}
    if as_json:
        for name in sorted({*here, *library.catalogue}):
            known = here.get(name) or library.catalogue[name]
            card = {"installed": name in here, **msgspec.to_builtins(known)}
            typer.echo(json.dumps(card))
        return
    for model in here.values():
        _line("✓", model.name, model.size_bytes, model.licence, model.title)
    for entry in library.catalogue.values():
        if entry.name not in here:
            _line(" ", entry.name, entry.size_bytes, entry.licence, entry.title)
    typer.echo("\n✓ installed; `tailrace models pull NAME` fetches one of the others", err=True)


@app.command()
def pull(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help=f"Its name; {DEFAULT_MODEL} by default.")
    ] = None,
    *,
    file: Annotated[
        Path | None, typer.Option(help="Take it from a GGUF file of your own.", exists=True)
    ] = None,
    url: Annotated[str | None, typer.Option(help="Take it from an HTTP address.")] = None,
    sha256: Annotated[str, typer.Option(help="What the whole file must have.")] = "",
    if_needed: Annotated[
        bool, typer.Option("--if-needed", help="Do nothing where a model can be used already.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Fetch a model, after showing its card; a fetch that was cut goes on where it was.

    On a terminal it asks first; elsewhere the card is printed and the fetch begins.
    """
    settings = settings_of(context)
    if if_needed and usable_model(settings):
        return
    if if_needed and not runtime_is_installed():
        typer.echo("No model can run here: the package xllamacpp is not installed.", err=True)
        return
    own = _own(file, url)
    name = name or (_name_of(own) if own else settings.llm_model or DEFAULT_MODEL)
    library = library_of(settings)
    if own is None:
        _check_known(library, name)
    if own is None and library.find(name) is not None:
        typer.echo(f"{name}: already installed", err=True)
        return
    show_card(library, name, own)
    if not yes and not confirm("Fetch it?", default=True):
        leave(Exit.FAILED)
    fetch(library, name, own, sha256)


@app.command()
def remove(context: typer.Context, name: Annotated[str, typer.Argument(help="Its name.")]) -> None:
    """Delete a model, and what is left of an unfinished fetch of it."""
    freed = library_of(settings_of(context)).remove(name)
    typer.echo(f"{name}: removed, {freed / _MB:,.0f} MB freed")


def _own(file: Path | None, url: str | None) -> str | None:
    if file is not None and url is not None:
        msg = "give --file or --url, not both"
        raise InvalidRequestError(msg)
    return url if file is None else str(file.absolute())


def _check_known(library: ModelLibrary, name: str) -> None:
    if name not in library.catalogue:
        msg = f"there is no model {name!r}; there are {', '.join(library.catalogue)}"
        raise InvalidRequestError(msg)


def _line(mark: str, name: str, size_bytes: int, licence: str, title: str) -> None:
    size = f"{size_bytes / _MB:,.0f} MB"
    typer.echo(f"{mark} {name:<22} {size:>9}  {licence or 'licence unknown':<12} {title}")


def _name_of(own: str) -> str:
    stem = re.sub(r"[?#].*", "", own).rstrip("/").replace("\\", "/").rpartition("/")[2]
    name = re.sub(r"[^a-z0-9._-]+", "-", stem.lower().removesuffix(".gguf")).strip("-._")
    return name[:64] or "own"
