"""requirements/: pinned, hashed, from nowhere in particular, and in step with pyproject.toml."""

import re
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lock

FOLDER = lock.ROOT / "requirements"
NAMES = list(lock.AGREES_WITH)


def pins(name: str) -> dict[str, str]:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_what_pyproject_asks_for(name: str) -> None:
    pyproject = (lock.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    written = (FOLDER / f"{name}.in").read_text(encoding="utf-8")
    assert written == lock.input_text(lock.inputs(pyproject)[name])


@pytest.mark.parametrize("name", NAMES)
def test_every_direct_requirement_has_a_lower_bound_and_a_pin_that_fits(name: str) -> None:
    pyproject = (lock.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    pinned = pins(name)
    for line in lock.inputs(pyproject)[name]:
        requirement = Requirement(line)
        assert any(bound.operator == ">=" for bound in requirement.specifier), line
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), line


@pytest.mark.parametrize("name", NAMES)
def test_nothing_but_pins_and_hashes_is_in_the_outputs(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.sub(r"\\\n\s+", "", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    pin = r"[a-z0-9._-]+==\S+ (; .*? )?(--hash=sha256:[0-9a-f]{64} ?)+"
    assert [line for line in entries.splitlines() if not re.fullmatch(pin, line)] == []


def test_files_that_meet_in_one_environment_agree() -> None:
    for name, others in lock.AGREES_WITH.items():
        for other in others:
            both = pins(name).keys() & pins(other).keys()
            assert {p: pins(name)[p] for p in both} == {p: pins(other)[p] for p in both}


def test_what_is_installed_is_what_is_pinned() -> None:
    direct = [
        Requirement(line) for line in (FOLDER / "core.in").read_text("utf-8").splitlines()[1:]
    ]
    wanted = [requirement for requirement in direct if not requirement.marker]
    pinned = pins("core")
    for requirement in wanted:
        assert version(requirement.name) == pinned[canonicalize_name(requirement.name)]
