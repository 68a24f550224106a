"""setup_venv: what it says where something is missing, and when it has nothing to do."""

import shutil
import sys
from pathlib import Path

import setup_venv

OFFLINE = """\
WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'
ERROR: Could not find a version that satisfies the requirement xllamacpp==1 (from versions: none)
ERROR: No matching distribution found for xllamacpp==1
"""


def copy_inputs(root: Path) -> None:
    shutil.copytree(setup_venv.ROOT / "requirements", root / "requirements")
    shutil.copy(setup_venv.ROOT / "pyproject.toml", root)


def test_a_python_without_venv_is_told_what_to_install() -> None:
    message = setup_venv.no_venv_message("ensurepip")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"sudo apt install python{version}-venv" in message
    assert "`ensurepip` module is missing" in message


def test_this_python_lacks_nothing() -> None:
    assert setup_venv.missing_module() is None


def test_a_missing_wheel_is_told_from_a_missing_network() -> None:
    no_wheel = OFFLINE.split("\n", maxsplit=1)[1]
    assert setup_venv.no_wheel(no_wheel)
    assert not setup_venv.no_wheel(OFFLINE)
    assert not setup_venv.no_wheel("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES")


def test_a_layer_is_set_up_again_when_what_it_is_made_of_changes(tmp_path: Path) -> None:
    copy_inputs(tmp_path)
    before = {layer: setup_venv.stamp_key(layer, tmp_path) for layer in setup_venv.LAYERS}
    with (tmp_path / "requirements" / "dev.txt").open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    after = {layer: setup_venv.stamp_key(layer, tmp_path) for layer in setup_venv.LAYERS}
    assert [layer for layer in before if before[layer] != after[layer]] == ["dev"]


def test_a_moved_folder_is_set_up_again(tmp_path: Path) -> None:
    for name in ("here", "there"):
        copy_inputs(tmp_path / name)
    assert setup_venv.stamp_key("run", tmp_path / "here") != setup_venv.stamp_key(
        "run", tmp_path / "there"
    )
