"""The reference pages say what the code says, whatever terminal they are made on."""

import pytest

import cli_reference
import reference
from tailrace.cli.main import COMMANDS
from tailrace.errors import ErrorCode


def test_every_error_code_says_what_to_do() -> None:
    page = reference.errors_page()
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    assert [row[0].strip("| `") for row in rows] == [code.value for code in ErrorCode]
    assert all(int(row[1]) >= 400 and row[2].rstrip(" |") for row in rows)


def test_every_command_has_its_section_and_its_options() -> None:
    paths = [context.command_path for context in cli_reference.commands()]
    assert {path.split()[1] for path in paths[1:]} == COMMANDS.keys()
    page = reference.commands_page()
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == paths
    assert "| `--limit <int range>` | How many at most. [default: 20; 1<=x<=200] |" in page


def test_the_terminal_does_not_change_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    page = reference.commands_page()
    for name, value in {"COLUMNS": "30", "NO_COLOR": "1", "TAILRACE_PORT": "99"}.items():
        monkeypatch.setenv(name, value)
    assert reference.commands_page() == page
