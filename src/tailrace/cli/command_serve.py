"""Floor 7: `tailrace serve`, the server as a command."""

from typing import Annotated

import msgspec
import typer

from tailrace.agent.model_setup import Pull, PullState
from tailrace.cli.failures import log_to, log_to_terminal
from tailrace.cli.fetching import ProgressLines, library_of, show_card, usable_model
from tailrace.cli.options import settings_of
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.llm.machine import runtime_is_installed
from tailrace.server.serve import run
from tailrace.settings import Settings
from tailrace.stores.registry import searchable_documents

_MB = 1_000_000

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def serve(
    context: typer.Context,
    *,
    host: Annotated[
        str | None, typer.Option(help="Address to bind to; TAILRACE_HOST, else 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port; TAILRACE_PORT, else 1733; 0: a free one.", min=0, max=65_535),
    ] = None,
    pull_model: Annotated[
        bool,
        typer.Option("--pull-model", help="Fetch a model meanwhile, where none can be used."),
    ] = False,
) -> None:
    """Serve the web application and the HTTP interface, until Ctrl-C."""
    settings = settings_of(context)
    if host is not None:
        settings = msgspec.structs.replace(settings, host=host)
    if port is not None:
        settings = msgspec.structs.replace(settings, port=port)
    pull_model = pull_model and runtime_is_installed() and not usable_model(settings)

    def greet(url: str) -> None:
        model = usable_model(settings)
        typer.echo(f"Tailrace   {url}")
        typer.echo(f"home       {settings.home}")
        typer.echo(f"model      {model or 'none: answers are the passages themselves'}")
        typer.echo(f"documents  {searchable_documents(settings.home):,}")
        if pull_model:
            typer.echo("This model is being fetched; the server can be used meanwhile:", err=True)
            show_card(library_of(settings), settings.llm_model or DEFAULT_MODEL, None)
        elif not model:
            typer.echo(_how_to_get_one(settings), err=True)
        typer.echo("Ctrl-C stops it.", err=True)

    log_to(settings.home)
    log_to_terminal()
    run(settings, pull_model=pull_model, on_ready=greet, on_pull=_PullLines())


def _how_to_get_one(settings: Settings) -> str:
    """The line for whoever has no model yet; nothing is fetched before they ask for it."""
    entry = library_of(settings).catalogue.get(settings.llm_model or DEFAULT_MODEL)
    if not runtime_is_installed():
        return "No model can run here; set TAILRACE_LLM_URL to an endpoint."
    if entry is None:
        return f"The model {settings.llm_model} is not installed; see `tailrace models list`."
    size = f"{entry.size_bytes / _MB:,.0f} MB"
    return f"The page offers to fetch one ({size}); or set TAILRACE_LLM_URL to an endpoint."


class _PullLines:
    """How far a model is, in lines; the log says when it begins and how it ends."""

    def __init__(self) -> None:
        self._lines = ProgressLines()

    def __call__(self, pull: Pull) -> None:
        if pull.state is not PullState.RUNNING:
            self._lines = ProgressLines()
        elif pull.source:
            self._lines(pull.done_bytes, pull.total_bytes, pull.source)
