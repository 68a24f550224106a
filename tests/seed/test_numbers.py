"""Every defect of the original has its test, and the table in the README says which."""

import re
from pathlib import Path

HERE = Path(__file__).parent
_TEST = re.compile(r"\btest_d(\d\d)_\w+")


def written() -> set[str]:
    """The tests that are named by a defect's number."""
    texts = (path.read_text("utf-8") for path in HERE.glob("test_*.py"))
    return {found[0] for text in texts for found in re.finditer(r"(?<=def )test_d\d\d_\w+", text)}


def test_every_defect_that_concerns_a_server_has_a_test_with_its_number() -> None:
    numbers = {int(name[6:8]) for name in written()}
    assert {*range(1, 27), 38} - numbers == set()


def test_the_table_says_of_each_defect_which_tests_hold_it() -> None:
    table = (HERE / "README.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| D(\d+) \|.*\| (.*) \|$", table, re.MULTILINE))
    assert [*rows] == [str(number) for number in range(1, 39)]
    for number, cell in rows.items():
        held = [*_TEST.finditer(cell)]
        assert {int(found[1]) for found in held} == {int(number)}, cell
    assert {found[0] for cell in rows.values() for found in _TEST.finditer(cell)} == written()
