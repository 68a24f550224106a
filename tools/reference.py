"""Tool: writes `docs/reference/` from the code; `--check` says whether it drifted.

settings.md   every setting, its variable, its default
events.md     every event type and what its metadata holds
routes.md     every HTTP route
errors.md     every error code, its HTTP status, what to do
cli.md        every command
"""

import argparse
import ast
import asyncio
import inspect
import re
import sys
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, cast

import cli_reference
from tailrace.agent import ContextAgent
from tailrace.errors import ErrorCode
from tailrace.events.schema import stream_event_schema
from tailrace.server.app import create_app
from tailrace.server.problems import STATUS
from tailrace.settings import Settings

ROOT: Final = Path(__file__).resolve().parent.parent / "docs" / "reference"
_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)
_PLACES: Final = {
    "home": "the per-user data folder",
    "models_folder": "`models` in the per-user cache folder",
}
_MADE: Final = "<!-- made by tools/reference.py; change the code instead -->"
_METHODS: Final = ("get", "post", "put", "patch", "delete")


def settings_page() -> str:
    """All settings as a table."""
    text = inspect.cleandoc(Settings.__doc__ or "").split("Attributes:\n", 1)[1]
    defaults = Settings()
    rows = [
        f"| `TAILRACE_{name.upper()}` | {_default(name, getattr(defaults, name))} | {_line(what)} |"
        for name, what in _ATTRIBUTE.findall(text)
    ]
    return _page(
        "Settings",
        "Everything is set by environment variables; an empty one counts as unset. A name that "
        "ends in `_S` is in seconds, one in `_BYTES` in bytes.",
        "| variable | default | meaning |",
        rows,
    )


def events_page() -> str:
    """All event types as a table."""
    schema = cast("dict[str, Any]", stream_event_schema())
    shapes = cast("dict[str, dict[str, Any]]", schema["$defs"])
    rows: list[str] = []
    for reference in cast("list[dict[str, str]]", schema["oneOf"]):
        shape = shapes[reference["$ref"].rsplit("/", 1)[1]]
        rows.append(f"| {_types(shape)} | {_line(str(shape.get('description', '')))} |")
    return _page(
        "Events",
        "The shapes a log is made of, as the native dialect writes them. "
        "`contracts/stream_event.schema.json` has every field.",
        "| type | meaning |",
        rows,
    )


def routes_page() -> str:
    """All routes as a table."""
    rows = [
        f"| `{method.upper()} {path}` | {_line(str(route.get('summary', '')))} |"
        for path, methods in asyncio.run(_routes()).items()
        for method, route in methods.items()
        if method in _METHODS
    ]
    return _page(
        "HTTP routes",
        "`contracts/openapi.json` has every field; a running server shows it at `/openapi.json`.",
        "| route | what |",
        rows,
    )


def errors_page() -> str:
    """All error codes as a table."""
    advice = _advice()
    rows = [f"| `{code.value}` | {STATUS[code]} | {advice[code.value]} |" for code in ErrorCode]
    return _page(
        "Errors",
        "A client sees a `code` of this list and a sentence that says what to do: in a problem "
        "document (RFC 9457) where a request is refused, and in the terminal event's "
        "`metadata.error` where a run has failed. The status is that of a refused request; a run "
        "that fails while it is followed has answered 200 long before.",
        "| code | status | what it means; what to do |",
        rows,
    )


def _advice() -> dict[str, str]:
    """What stands below each code in the source."""
    body = cast("ast.ClassDef", ast.parse(inspect.getsource(ErrorCode)).body[0]).body
    found: dict[str, str] = {}
    for code, text in pairwise(body):
        match code, text:
            case (
                ast.Assign(value=ast.Constant(value=str(name))),
                ast.Expr(value=ast.Constant(value=str(said))),
            ):
                found[name] = _line(said)
            case _:
                pass
    return found


def commands_page() -> str:
    """All commands, each with its arguments and options."""
    lead = (
        "The same text as `--help` gives, which each command has. Options of `tailrace` itself "
        "stand before the command's name; the [settings](settings.md) act on every command."
    )
    paragraphs = [_MADE + "\n# Command line", lead]
    for context in cli_reference.commands():
        paragraphs += cli_reference.sections(context)
    return "\n\n".join(paragraphs) + "\n"


async def _routes() -> dict[str, dict[str, dict[str, object]]]:
    with tempfile.TemporaryDirectory() as home:
        async with ContextAgent.open(Settings(home=Path(home))) as agent:
            return create_app(agent).openapi()["paths"]


def _types(shape: Mapping[str, Any]) -> str:
    kind = cast("dict[str, Any]", shape["properties"]["type"])
    names = cast("list[str]", kind.get("enum") or [kind["const"]])
    return ", ".join(f"`{name}`" for name in names)


def _default(name: str, value: object) -> str:
    if name in _PLACES:
        return _PLACES[name]
    return "empty" if value in {"", None} else f"`{value}`"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _page(title: str, lead: str, head: str, rows: list[str]) -> str:
    rule = "|".join("---" for _ in head.strip("|").split("|"))
    return "\n".join([_MADE, f"# {title}", "", lead, "", head, f"|{rule}|", *rows, ""])


PAGES: Final = {
    "settings.md": settings_page,
    "events.md": events_page,
    "routes.md": routes_page,
    "errors.md": errors_page,
    "cli.md": commands_page,
}


def main() -> None:
    """Write the pages, or with --check fail where one is not as the code says."""
    parser = argparse.ArgumentParser(description="docs/reference, from the code")
    parser.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    check = bool(parser.parse_args().check)
    drifted: list[str] = []
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if path.exists() and path.read_text("utf-8") == text:
            continue
        drifted.append(name)
        if not check:
            path.write_text(text, "utf-8")
    if drifted and check:
        sys.exit(
            f"docs/reference is not what the code says: {', '.join(drifted)}; run make contracts"
        )


if __name__ == "__main__":
    main()
