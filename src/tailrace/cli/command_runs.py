"""Floor 7: `tailrace runs`: what was asked, and what became of it."""

import shutil
import sys
from contextlib import aclosing
from datetime import timedelta
from typing import Annotated

import msgspec
import typer

from tailrace.cli.asking import at_terminal
from tailrace.cli.command_ask import screen_for
from tailrace.cli.door import RunView
from tailrace.cli.durations import parse_duration
from tailrace.cli.exits import Exit, exit_of
from tailrace.cli.follow import follow
from tailrace.cli.opening import open_door
from tailrace.cli.options import settings_of
from tailrace.cli.runner import leave, run
from tailrace.cli.screen import (
    cited_line,
    clean,
    ending_line,
    one_line,
    question_lines,
    source_place,
    usage_line,
)
from tailrace.events.asking import InputRequest
from tailrace.events.event import Cursor
from tailrace.events.receipt import Receipt
from tailrace.events.types import Outcome, RunKind
from tailrace.settings import Settings
from tailrace.stores.base import RunState
from tailrace.stores.retention import Trimmed

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Your runs."
)

_WIDTH = 120
_LEAST = 10

RunId = Annotated[str, typer.Argument(help="The run's id.")]
AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON, one object a line.")]


@app.command("list")
def list_runs(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many at most.")] = 20,
    everything: Annotated[
        bool, typer.Option("--all", help="Those that read documents in, too.")
    ] = False,
    as_json: AsJSON = False,
) -> None:
    """List the newest runs: questions, unless --all are asked for."""
    runs = run(_list(settings_of(context), limit, None if everything else RunKind.CHAT))
    for view in runs:
        typer.echo(msgspec.json.encode(view).decode() if as_json else _line(view))


@app.command()
def show(context: typer.Context, run_id: RunId, *, as_json: AsJSON = False) -> None:
    """Show a run: its question, its sources, its answer as far as it is written.

    With --json all that it amounts to; its single events are what `watch --json` prints.
    """
    view, receipt = run(_show(settings_of(context), run_id))
    if as_json:
        typer.echo(msgspec.json.encode(_facts(view, receipt)).decode())
        return
    typer.echo(_line(view) + "\n", err=True)
    for number, source in enumerate(receipt.fold.sources, 1):
        title = one_line(str(source.get("title", "")), 60)
        typer.echo(f"  [{number}] {title}, {source_place(source)}", err=True)
    text = receipt.fold.text
    typer.echo(clean(text) if sys.stdout.isatty() else text)
    cited = cited_line(receipt.fold)
    if cited:
        typer.echo(f"\n{cited}", err=True)
    usage = usage_line(receipt)
    typer.echo(f"\n{_standing(view, receipt)}" + (f" ({usage})" if usage else ""), err=True)


@app.command()
def watch(
    context: typer.Context,
    run_id: RunId,
    *,
    after: Annotated[
        str | None, typer.Option(help="Begin after this event, for example 1-42.")
    ] = None,
    as_json: AsJSON = False,
) -> None:
    """Follow a run to its end, from its start by default; leaving does not stop it."""
    cursor = None if after is None else Cursor.parse(after)
    leave(run(_watch(settings_of(context), run_id, cursor, as_json=as_json)))


@app.command()
def cancel(context: typer.Context, run_id: RunId) -> None:
    """End a run; what was written is kept. One that has ended stays as it is."""
    view = run(_cancel(settings_of(context), run_id))
    typer.echo(f"{view.run_id}: {view.state.value}")


@app.command()
def prune(
    context: typer.Context,
    *,
    older_than: Annotated[
        str, typer.Option(help="How long ago a run has ended: 7d, 12h, 2w.")
    ] = "30d",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be let go of.")
    ] = False,
) -> None:
    """Let go of the events of runs that ended long ago; their questions and answers stay.

    A server does the same by itself every hour, for what is older than TAILRACE_EVENTS_KEPT_S.
    """
    gone = run(_prune(settings_of(context), parse_duration(older_than), dry_run=dry_run))
    would = "would be " if dry_run else ""
    typer.echo(f"{gone.events:,} events of {gone.runs:,} runs {would}let go of")


async def _prune(settings: Settings, older_than: timedelta, *, dry_run: bool) -> Trimmed:
    runs = events = 0
    async with open_door(settings) as door:
        while True:
            step = await door.prune(older_than, dry_run=dry_run)
            runs, events = runs + step.runs, events + step.events
            if step.done:
                return Trimmed(runs=runs, events=events, done=True)


async def _list(settings: Settings, limit: int, kind: RunKind | None) -> list[RunView]:
    async with open_door(settings) as door:
        return await door.list_runs(limit, kind)


async def _show(settings: Settings, run_id: str) -> tuple[RunView, Receipt]:
    async with open_door(settings) as door:
        view = await door.get_run(run_id)
        receipt, snapshot = Receipt(), await door.snapshot(run_id)
        receipt.take(snapshot)
        if snapshot.seq >= view.last_seq:
            return view, receipt
        async with aclosing(door.follow(run_id, snapshot.cursor)) as events:
            async for event in events:
                receipt.take(event)
                if event.seq >= view.last_seq:
                    break
        return view, receipt


async def _watch(settings: Settings, run_id: str, after: Cursor | None, *, as_json: bool) -> Exit:
    async with open_door(settings) as door:
        view = await door.get_run(run_id)
        if view.outcome is not None and after is not None and after.seq == view.last_seq:
            typer.echo("It has ended, and nothing comes after that event.", err=True)
            return exit_of(view.outcome)
        if view.state is RunState.WAITING and after is not None and after.seq == view.last_seq:
            after = Cursor(after.gen, after.seq - 1)  # what it waits for is shown again
        screen = screen_for(run_id, as_json=as_json)
        may_ask = not as_json and at_terminal()
        return await follow(door, run_id, screen, None, after, may_ask=may_ask)


async def _cancel(settings: Settings, run_id: str) -> RunView:
    async with open_door(settings) as door:
        return await door.cancel(run_id)


def _facts(view: RunView, receipt: Receipt) -> dict[str, object]:
    """All that the run amounts to, as JSON."""
    fold = receipt.fold
    asked, terminal = fold.input_required, fold.terminal
    end = {} if terminal is None else terminal.metadata
    return {
        **msgspec.to_builtins(view),
        "answer": fold.text,
        "content_sha256": end.get("content_sha256"),
        "sources": fold.sources,
        "citations": fold.citations,
        "input": None if asked is None else asked.metadata,
        "inputs": fold.inputs,
        "thinking": fold.thinking,
        "statuses": fold.statuses,
        "reasoning": fold.reasoning,
        "tools": fold.tools,
        "usage": fold.usage,
        "seconds": end.get("seconds"),
        "error": end.get("error"),
    }


def _standing(view: RunView, receipt: Receipt) -> str:
    """How it ended, or how far it is."""
    asked = receipt.fold.input_required
    if asked is None:
        return ending_line(receipt) if view.outcome else f"It is {view.state.value}"
    request = InputRequest.of(asked)
    until = request.expires_at.astimezone().strftime("%Y-%m-%d %H:%M")
    until_then = f"It waits for your answer until {until}"
    how = f"`tailrace runs watch {view.run_id}` at a terminal takes it"
    return "\n".join([*question_lines(request), f"{until_then}; {how}"])


def _line(view: RunView) -> str:
    when = view.created_at.astimezone().strftime("%Y-%m-%d %H:%M")
    ended = view.outcome.value if view.outcome else view.state.value
    if view.outcome is Outcome.INSUFFICIENT_CONTEXT:
        ended = "not enough"
    head = f"{view.run_id}  {when}  {ended:<10}  "
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _WIDTH
    return head + one_line(view.query, max(width - len(head), _LEAST))
