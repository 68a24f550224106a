"""The code on a page is code that works."""

import ast
import re

import pytest

from .pages import ROOT, Block, blocks, name_of

EXAMPLES = {path.read_text("utf-8") for path in (ROOT / "examples").glob("*.py")}
PYTHON = list(blocks("python"))
PROGRAMS = [
    each
    for each in PYTHON
    if each.text.startswith('"""') and each.page.is_relative_to(ROOT / "docs")
]
SCRIPT = list(blocks("js", "jsx", "ts", "tsx"))
PACKAGES = ROOT / "frontend" / "packages"
EXPORTS = {
    "@tailrace/core": PACKAGES / "core" / "src" / "index.ts",
    "@tailrace/core/markdown": PACKAGES / "core" / "src" / "markdown" / "index.ts",
    "@tailrace/react": PACKAGES / "react" / "src" / "index.ts",
    "core.js": PACKAGES / "core" / "src" / "index.ts",
}
IMPORT = re.compile(r"import (?:type )?\{([^}]+)\} from '(?:[^']*/static/)?([^']+)'")


def name(block: Block) -> str:
    return f"{name_of(block.page)}: {block.text.splitlines()[0][:40]}"


@pytest.mark.parametrize("block", PYTHON, ids=name)
def test_python_on_a_page_can_be_read_by_python(block: Block) -> None:
    compile(
        block.text, block.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
    )


@pytest.mark.parametrize("block", PROGRAMS, ids=name)
def test_a_whole_program_on_a_page_is_an_example_that_the_tests_run(block: Block) -> None:
    assert block.text in EXAMPLES


@pytest.mark.parametrize("block", SCRIPT, ids=name)
def test_what_a_script_imports_is_exported(block: Block) -> None:
    for names, package in IMPORT.findall(block.text):
        exported = EXPORTS[package].read_text("utf-8")
        wanted = {each.strip().removeprefix("type ") for each in names.split(",")} - {""}
        assert {each for each in wanted if not re.search(rf"\b{each}\b", exported)} == set()
