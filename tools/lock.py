"""Tool: pin what `pyproject.toml` asks for, with hashes, for every platform and Python >= 3.11.

`requirements/<name>.in` is copied out of `pyproject.toml`, the one truth; `requirements/<name>.txt`
is what uv makes of it. Run by `make lock`; `make lock UPGRADE=1` takes the newest versions.
"""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
HEADER: Final = "# Made by `make lock` from pyproject.toml; change it there.\n"

# name -> the files whose pins it must agree with, for they end up in the same environment
AGREES_WITH: Final = {
    "core": (),
    "embedded": ("core",),
    "setup": ("core",),
    "dev": ("core", "setup", "embedded"),
    "frontend": ("core", "dev"),
    "lock": (),
}


def inputs(pyproject: str) -> dict[str, list[str]]:
    """The direct requirements of each file, sorted, as the text of `pyproject.toml` has them."""
    table = tomllib.loads(pyproject)
    groups = table["dependency-groups"]
    asked = {
        "core": table["project"]["dependencies"],
        "embedded": table["project"]["optional-dependencies"]["embedded"],
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
    return 0


if __name__ == "__main__":
    sys.exit(main())
