"""Floor 7: `tailrace serve`, the server as a command."""

from typing import Annotated

import msgspec
import typer

from tailrace.cli.failures import log_to, log_to_terminal
from tailrace.cli.fetching import library_of, show_card, usable_model
from tailrace.cli.options import settings_of
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.llm.machine import runtime_is_installed
from tailrace.server.serve import run
from tailrace.stores.registry import searchable_documents

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
        model = usable_model(settings) or "none: answers are the passages themselves"
        typer.echo(f"Tailrace   {url}")
        typer.echo(f"home       {settings.home}")
        typer.echo(f"model      {model}")
        typer.echo(f"documents  {searchable_documents(settings.home):,}")
        if pull_model:
            typer.echo("This model is being fetched; the server can be used meanwhile:", err=True)
            show_card(library_of(settings), settings.llm_model or DEFAULT_MODEL, None)
        elif not usable_model(settings):
            how = f"`tailrace models pull {DEFAULT_MODEL}` fetches one"
            typer.echo(f"{how}; or set TAILRACE_LLM_URL to an endpoint.", err=True)
        typer.echo("Ctrl-C stops it.", err=True)

    tenths = 0

    def tell(done_bytes: int, total_bytes: int, source: str) -> None:
        nonlocal tenths
        if done_bytes * 10 // total_bytes > tenths:
            tenths = done_bytes * 10 // total_bytes
            typer.echo(f"model: {tenths * 10} % of {total_bytes:,} bytes, from {source}", err=True)

    log_to(settings.home)
    log_to_terminal()
    run(settings, pull_model=pull_model, on_ready=greet, on_pull=tell)
