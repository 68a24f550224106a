"""Every command, variable and route that the documentation names is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.core import TyperGroup

import cli_reference
from tailrace.cli.main import load
from tailrace.settings import Settings

from .pages import PAGES, ROOT, code, name_of

COMMAND = re.compile(r"(?:^|[\s/])tailrace((?: +[^\s|;&)]+)*)")
MAKE = re.compile(r"^(?:[A-Z_]+=\S* +)*make((?: +[^\s;&)]+)*)")
VARIABLE = re.compile(r"TAILRACE_[A-Z_]+[A-Z]")
ROUTE = re.compile(
    r"(?:\b(GET|POST|PUT|PATCH|DELETE) +)?(?:https?://127\.0\.0\.1:\d+|(?<![\w.]))(/[\w{}<>./-]*)"
)
WORD = re.compile(r"[a-z][a-z-]*")
OPTION = re.compile(r"--[a-z][\w-]*")

COMMANDS = {context.command_path: context.command for context in cli_reference.commands()}
GROUPS = {
    path.rpartition(" ")[0]
    for path in COMMANDS
    if isinstance(load(path.split()[1]) if " " in path else None, TyperGroup)
}
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
ARGUMENTS = set(re.findall(r"^([A-Z]+) \??=", MAKEFILE, re.MULTILINE))


def options_of(path: str) -> set[str]:
    return {name for each in COMMANDS[path].params for name in each.opts} | {"--help"}


def wrong_with(words: list[str]) -> str:
    """What of `tailrace` and these words does not exist; "" where all of it does."""
    path = ["tailrace"]
    given = list(words)
    while given and given[0].startswith("--"):
        option = given.pop(0)
        if option not in options_of("tailrace"):
            return f"tailrace {option}"
        if option == "--home":
            given = given[1:]
    while given and " ".join(path) in {"tailrace", *GROUPS} and WORD.fullmatch(given[0]):
        path.append(given.pop(0))
    found = " ".join(path)
    if found not in COMMANDS and found not in GROUPS:
        return found
    known = options_of(found) if found in COMMANDS else {"--help"}
    unknown = [each for each in given if OPTION.fullmatch(each) and each not in known]
    return f"{found} {unknown[0]}" if unknown else ""


def test_every_command_that_is_named_exists_with_its_options() -> None:
    wrong = [
        f"{name_of(page)}: {complaint}"
        for page, line in code()
        for words in COMMAND.findall(line)
        if (complaint := wrong_with(words.split()))
    ]
    assert wrong == []


def test_every_make_target_and_its_arguments_exist() -> None:
    wrong: list[str] = []
    for page, line in code():
        spoken = re.sub(r'"[^"]*"', "", line).partition(" #")[0]
        for words in MAKE.findall(spoken):
            for word in words.split():
                name, equals, _ = word.partition("=")
                if WORD.fullmatch(word) and word not in TARGETS:
                    wrong.append(f"{name_of(page)}: make {word}")
                if equals and name.isupper() and name not in ARGUMENTS:
                    wrong.append(f"{name_of(page)}: make {name}=")
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    known = {f"TAILRACE_{name.upper()}" for name in Settings.__struct_fields__}
    assert set(VARIABLE.findall(page.read_text("utf-8"))) - known == set()


def routes() -> dict[str, set[str]]:
    """The methods of each path in the contract."""
    document = msgspec.json.decode((ROOT / "contracts" / "openapi.json").read_bytes())
    return {
        path: {method.upper() for method in methods} for path, methods in document["paths"].items()
    }


def named_routes() -> Iterator[tuple[str, str, str]]:
    """Page, method ("" where none is given) and path of everything that looks like a route."""
    for page, line in code():
        for method, found in ROUTE.findall(line):
            path = found.removeprefix("/tailrace").rstrip(".")
            if method or path.startswith(("/api/", "/healthz", "/readyz")):
                yield name_of(page), method, path


def fits(method: str, path: str, known: str, methods: set[str]) -> bool:
    """Whether this is the known route, or the beginning of it where no method is given."""
    if not method and known.startswith(f"{path}/"):
        return True
    pattern = re.sub(r"\{\w+\}", "[^/]+", known)
    return re.fullmatch(pattern, path) is not None and (not method or method in methods)


def test_every_route_that_is_named_is_in_the_contract() -> None:
    known = routes()
    wrong = [
        f"{page}: {method} {path}"
        for page, method, path in named_routes()
        if not any(fits(method, path, each, methods) for each, methods in known.items())
    ]
    assert wrong == []
