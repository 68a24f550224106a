"""Makefile: what a person types reaches the program as it was typed."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
AWKWARD = 'what\'s "this" $HOME $(shell echo no) $$ `id` \\n %s #1\nand a second line'


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A stand-in for `tailrace` that prints its arguments."""
    path = tmp_path / "program"
    script = f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n"
    path.write_text(script, encoding="utf-8")
    path.chmod(0o755)
    return path


def make(
    *arguments: str, environ: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    inherited = {name: text for name, text in os.environ.items() if name not in {"Q", "DOCS"}}
    return subprocess.run(
        ["make", "--old-file=setup", *arguments],  # noqa: S607 - the person's own make
        cwd=ROOT,
        env={**inherited, **(environ or {}), "MAKEFLAGS": "", "MAKELEVEL": ""},
        check=False,
        capture_output=True,
        text=True,
    )


def calls(done: "subprocess.CompletedProcess[str]") -> list[list[str]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_ask_hands_on_an_awkward_question_and_folder(program: Path) -> None:
    done = make("ask", f"TAILRACE={program}", f"Q={AWKWARD}", "DOCS=my $x 'docs'")
    assert calls(done) == [
        ["models", "pull", "--if-needed"],
        ["ask", "--docs", "my $x 'docs'", "--", AWKWARD],
    ]


def test_ask_takes_the_question_from_the_environment_too(program: Path) -> None:
    done = make("ask", f"TAILRACE={program}", "MODEL=none", environ={"Q": AWKWARD})
    assert calls(done) == [["ask", "--", AWKWARD]]


def test_ask_without_a_question_says_how_to_ask(program: Path) -> None:
    done = make("ask", f"TAILRACE={program}")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'make ask Q="How do I ...?"' in done.stderr


def test_run_fetches_no_model_but_where_it_is_told_to(program: Path) -> None:
    assert calls(make("run", f"TAILRACE={program}")) == [["serve"]]
    done = make("run", f"TAILRACE={program}", "MODEL=none", "ARGS=--port 0")
    assert calls(done) == [["serve", "--port", "0"]]
    assert calls(make("run", f"TAILRACE={program}", "MODEL=default")) == [["serve", "--pull-model"]]


def test_help_is_the_default_and_lists_every_target_a_person_types() -> None:
    listed = {line.split()[1] for line in make().stdout.splitlines() if line.startswith("  make ")}
    targets = {"setup", "run", "ask", "test", "test-slow", "test-live", "check", "bench", "lock"}
    assert targets | {"format", "clean", "help"} <= listed
