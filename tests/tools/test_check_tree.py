"""check_tree: what may not stand in the tree, and what may."""

import subprocess
from pathlib import Path, PurePosixPath

import pytest

import check_tree

HOST = "py" + "pi.org"
NOTE = "TO" + "DO"
HOME = "/ho" + "me/somebody"


def lines(name: str, text: str) -> list[int]:
    return [line for line, _ in check_tree.text_complaints(PurePosixPath(name), text)]


@pytest.mark.parametrize("name", ["src/utils/a.py", "src/_helpers.py", "app/common.ts", "misc.py"])
def test_a_module_whose_name_is_no_concept_is_refused(name: str) -> None:
    assert check_tree.path_complaint(PurePosixPath(name)) is not None


@pytest.mark.parametrize("name", ["src/events/fold.py", "docs/common.md", "src/helper_text.py"])
def test_other_names_pass(name: str) -> None:
    assert check_tree.path_complaint(PurePosixPath(name)) is None


def test_the_host_of_a_registry_is_refused_everywhere() -> None:
    assert lines("requirements/core.txt", f"a==1\n--index-url https://{HOST}/simple\n") == [2]
    assert lines("README.md", "Installed from the package index.\n") == []


@pytest.mark.parametrize("path", [f"{HOME}/notes", "/wo" + "rk/main", "/tm" + "p/scratch"])
def test_an_absolute_path_of_a_machine_is_refused(path: str) -> None:
    assert lines("docs/a.md", f"see `{path}`") == [1]


@pytest.mark.parametrize(
    "path", ["/api/agent/runs", "~/notes", "src/place/main", "./tmp/x", "/worker"]
)
def test_other_paths_pass(path: str) -> None:
    assert lines("docs/a.md", f"see `{path}`") == []


def test_work_left_to_do_is_refused_in_code_and_may_be_written_about() -> None:
    assert lines("src/a.py", f"x = 1  # {NOTE}: more") == [1]
    assert lines("docs/sample.md", f"A {NOTE} list") == []


def test_only_what_git_would_take_in_is_looked_at(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607 - from PATH
    (tmp_path / ".gitignore").write_text("ignored.py\n", encoding="utf-8")
    for name in ("ignored.py", "seen.py"):
        (tmp_path / name).write_text(f"# {NOTE}\n", encoding="utf-8")
    (tmp_path / "picture.bin").write_bytes(b"\0" + HOST.encode())
    assert check_tree.complaints(tmp_path) == [
        "seen.py:1: notes work left to do; do it, or make it an issue"
    ]
