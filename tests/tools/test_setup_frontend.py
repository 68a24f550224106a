"""setup_frontend: the lock file names no registry and no script's word; a browser is found."""

import re
import shutil
from pathlib import Path

import msgspec

import setup_frontend


class Entry(msgspec.Struct):
    """One package of the lock file."""

    link: bool = False
    resolved: str = ""
    integrity: str = ""
    optionalDependencies: dict[str, str] = {}  # noqa: N815 - npm's own name; msgspec copies it


class Lock(msgspec.Struct):
    """npm's lock file."""

    packages: dict[str, Entry]


LOCK = (setup_frontend.FRONTEND / "package-lock.json").read_bytes()
PACKAGES = msgspec.json.decode(LOCK, type=Lock).packages


def copy_inputs(root: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        root.mkdir(exist_ok=True)
        shutil.copy(setup_frontend.FRONTEND / name, root)


def test_the_lock_file_names_no_registry() -> None:
    fetched = [entry for entry in PACKAGES.values() if not entry.link]
    assert fetched
    assert [entry for entry in fetched if entry.resolved] == []


def test_every_fetched_package_is_pinned_by_its_hash() -> None:
    ours = re.compile(r"(packages/\w+|node_modules/@tailrace/\w+|)")
    fetched = {name: entry for name, entry in PACKAGES.items() if not ours.fullmatch(name)}
    assert fetched
    assert [n for n, e in fetched.items() if not e.integrity.startswith("sha512-")] == []


def test_the_packages_of_every_platform_are_locked() -> None:
    locked = {name.rpartition("node_modules/")[2] for name in PACKAGES}
    wanted = {name for entry in PACKAGES.values() for name in entry.optionalDependencies}
    assert wanted
    assert wanted - locked == set()


def test_a_changed_lock_file_is_installed_anew(tmp_path: Path) -> None:
    copy_inputs(tmp_path)
    before = setup_frontend.stamp_key(tmp_path)
    assert setup_frontend.stamp_key(tmp_path) == before
    with (tmp_path / "package-lock.json").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert setup_frontend.stamp_key(tmp_path) != before


def test_the_chosen_chromium_comes_first(tmp_path: Path) -> None:
    chosen = {"CHROMIUM": str(tmp_path / "mine"), "PATH": "/usr/bin"}
    assert setup_frontend.find_chromium(chosen) == tmp_path / "mine"


def test_a_chromium_on_the_path_is_found(tmp_path: Path) -> None:
    browser = tmp_path / "chromium-browser"
    browser.touch(mode=0o755)
    assert setup_frontend.find_chromium({"PATH": str(tmp_path)}) == browser
