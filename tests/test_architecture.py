"""The shape of the code: floors, sizes, names. import-linter checks the imports themselves."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import check_sizes
import check_tree

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "tailrace"
FLOOR = re.compile(r"\b(?:floor|ground)\b", re.IGNORECASE)
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))


def split_floors(lines: list[str]) -> list[frozenset[str]]:
    """Each line's modules; which of them comes first does not matter."""
    return [frozenset(name.strip() for name in line.split("|")) for line in lines]


def configured_floors() -> list[frozenset[str]]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {
        contract["id"]: contract for contract in table["tool"]["importlinter"]["contracts"]
    }
    return split_floors(contracts["floors"]["layers"])


def test_no_file_and_no_function_is_too_long() -> None:
    assert check_sizes.complaints(ROOT) == []


def test_no_module_is_named_after_nothing() -> None:
    complaints = [check_tree.path_complaint(path) for path in check_tree.files(ROOT)]
    assert [complaint for complaint in complaints if complaint] == []


def test_the_floors_in_the_documentation_are_the_floors_that_are_held() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    drawn = re.search(r"^```floors\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert drawn is not None
    assert split_floors(drawn[1].splitlines()) == configured_floors()


def test_every_module_has_its_floor() -> None:
    built = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert built - frozenset[str]().union(*configured_floors()) <= {"__init__", "__main__"}


@pytest.mark.parametrize(
    "package", PACKAGES, ids=[str(path.relative_to(PACKAGE.parent)) for path in PACKAGES]
)
def test_every_package_says_its_floor(package: Path) -> None:
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text(encoding="utf-8")))
    if package == PACKAGE:  # the whole house
        assert docstring
    else:
        assert FLOOR.search(docstring or "")
