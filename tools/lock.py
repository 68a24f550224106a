"""Tool: pin what `pyproject.toml` asks for, with hashes, for every platform and Python >= 3.11.

The npm packages of the front end are pinned along with them, in `frontend/package-lock.json`.
`requirements/<name>.in` is copied out of `pyproject.toml`, the one truth; `requirements/<name>.txt`
is what uv makes of it. Run by `make lock`; `make lock UPGRADE=1` takes the newest versions.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

import setup_frontend

ROOT: Final = Path(__file__).resolve().parent.parent
HEADER: Final = "# Made by `make lock` from pyproject.toml; change it there.\n"

# name -> the files whose pins it must agree with, for they end up in the same environment
AGREES_WITH: Final = {
    "core": (),
    "embedded": ("core",),
    "formats": ("core",),
    "vectors": ("core", "formats"),
    "setup": ("core", "formats", "vectors"),
    "dev": ("core", "setup", "embedded", "formats", "vectors"),
    "frontend": ("core", "dev"),
    "lock": (),
}


def inputs(pyproject: str) -> dict[str, list[str]]:
    """The direct requirements of each file, sorted, as the text of `pyproject.toml` has them."""
    table = tomllib.loads(pyproject)
    groups = table["dependency-groups"]
    asked = {
        "core": table["project"]["dependencies"],
        **table["project"]["optional-dependencies"],
        "setup": [*table["build-system"]["requires"], *groups["setup"]],
        "dev": groups["dev"],
        "frontend": groups["frontend"],
        "lock": groups["lock"],
    }
    return {name: sorted(asked[name]) for name in AGREES_WITH}


def input_text(requirements: list[str]) -> str:
    """The text of an `.in` file."""
    return HEADER + "".join(f"{line}\n" for line in requirements)


def main() -> int:
    """Write every `.in`, then every `.txt`; 0 when all is well."""
    uv = Path(sys.executable).with_name("uv")
    upgrade = ["--upgrade"] if os.environ.get("UPGRADE") else []
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name, requirements in inputs(pyproject).items():
        source = Path("requirements", f"{name}.in")
        (ROOT / source).write_text(input_text(requirements), encoding="utf-8")
        command = [
            *(str(uv), "pip", "compile", "--quiet", *upgrade),
            *("--universal", "--python-version", "3.11", "--generate-hashes"),
            *("--custom-compile-command", "make lock"),
            *(f"--constraints=requirements/{other}.txt" for other in AGREES_WITH[name]),
            *(f"--output-file=requirements/{name}.txt", str(source)),
        ]
        done = subprocess.run(command, check=False, cwd=ROOT, stdout=subprocess.DEVNULL)
        if done.returncode:
            return done.returncode
    return lock_npm(setup_frontend.FRONTEND)


def lock_npm(frontend: Path) -> int:
    """Pin the npm packages, in a folder of its own; 0 when all is well.

    Beside an installed tree npm would leave out what other platforms need.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for path in (*frontend.glob("package*.json"), *frontend.glob("packages/*/package.json")):
            (copy / path.relative_to(frontend)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy / path.relative_to(frontend))
        shutil.copy(frontend / ".npmrc", copy)
        command = [str(setup_frontend.BIN / "npm"), "install", "--package-lock-only"]
        environment = setup_frontend.environment()
        done = subprocess.run(
            [*command, "--ignore-scripts"], check=False, cwd=copy, env=environment
        )
        if done.returncode == 0:
            shutil.copy(copy / "package-lock.json", frontend)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
