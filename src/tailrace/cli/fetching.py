"""Floor 7: fetching a model: the card a person sees first, and the progress after.

Rule: nothing is fetched before its name, size, licence, source and hash were shown.
"""

import sys
import textwrap

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from tailrace.cli.runner import run
from tailrace.llm.catalogue import DEFAULT_MODEL, describe
from tailrace.llm.library import InstalledModel, ModelLibrary
from tailrace.llm.machine import runtime_is_installed
from tailrace.llm.package_index import redacted
from tailrace.settings import Settings

_MB = 1_000_000
_TENTHS = 10
_CARD_INDENT = 11


def library_of(settings: Settings) -> ModelLibrary:
    """The models of this machine."""
    return ModelLibrary(settings.model_cache, package_index_url=settings.package_index_url)


def usable_model(settings: Settings) -> str:
    """What would answer, for people: an endpoint, or an installed model; "" where nothing would."""
    if settings.llm_url:
        name = settings.llm_model or "the model"
        return f"{name} at {redacted(settings.llm_url)}"
    if not runtime_is_installed():
        return ""
    library = library_of(settings)
    wanted = library.find(settings.llm_model or DEFAULT_MODEL)
    if wanted is None and not settings.llm_model:
        others = sorted(library.installed(), key=lambda each: each.smoke_test_only)
        wanted = others[0] if others else None
    return wanted.name if wanted else ""


def show_card(library: ModelLibrary, name: str, own: str | None) -> None:
    """Print what is about to be fetched, on stderr."""
    entry = library.catalogue.get(name)
    lines = describe(entry) if entry else [f"name     {name}"]
    if own:
        lines = [*(line for line in lines if not line.startswith("source")), f"source   {own}"]
    width = Console(stderr=True).width
    for line in lines:
        wrapped = textwrap.wrap(
            line,
            width,
            initial_indent="  ",
            subsequent_indent=" " * _CARD_INDENT,
            break_long_words=False,
            break_on_hyphens=False,
        )
        typer.echo("\n".join(wrapped), err=True)


def confirm(question: str, *, default: bool) -> bool:
    """The person's answer at a terminal; True where there is nobody to ask."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    return typer.confirm(question, default=default, err=True)


def fetch(
    library: ModelLibrary, name: str, own: str | None = None, sha256: str = ""
) -> InstalledModel:
    """The model, fetched with progress on stderr; what was begun before is continued.

    Raises:
        TailraceError: it cannot be fetched, or kept.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        model = _fetch_drawing(console, library, name, own, sha256)
    else:
        model = run(library.pull(name, own=own, sha256=sha256, progress=ProgressLines()))
    typer.echo(f"{model.name}: installed, {model.size_bytes / _MB:,.0f} MB, hash checked", err=True)
    return model


def _fetch_drawing(
    console: Console, library: ModelLibrary, name: str, own: str | None, sha256: str
) -> InstalledModel:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    ) as bars:
        task = bars.add_task(name, total=None)

        def show(done_bytes: int, total_bytes: int, _source: str) -> None:
            bars.update(task, completed=done_bytes, total=total_bytes)

        return run(library.pull(name, own=own, sha256=sha256, progress=show))


class ProgressLines:
    """Progress as a line for every tenth, on stderr."""

    def __init__(self) -> None:
        self._told = -1

    def __call__(self, done_bytes: int, total_bytes: int, source: str) -> None:
        """Say how far it is, where another tenth is here."""
        tenth = done_bytes * _TENTHS // max(total_bytes, 1)
        if tenth > self._told:
            self._told = tenth
            of = f"{done_bytes / _MB:,.0f} of {total_bytes / _MB:,.0f} MB"
            typer.echo(f"  {of} from {source}", err=True)
