"""Tool: what the front end needs to be built and tested: its npm packages, and a Chromium.

Run by the Makefile with `.venv`'s Python, after `setup_venv.py` has put Node there.

Rule 1: npm packages are those of the lock file, by hash; none of their scripts is run.
Rule 2: a stamp holds the hash of everything they depend on; an equal stamp means nothing to do.
Rule 3: a Chromium that is there is taken; else Playwright's, else the system's package.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FRONTEND: Final = ROOT / "frontend"
STAMP: Final = Path("node_modules", ".tailrace-stamp")
BIN: Final = Path(sys.executable).parent

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_BROWSER_TIMEOUT_S: Final = 600.0

_NO_PACKAGES: Final = """
Set-up stopped: npm could not install the packages of the front end (its own message is above).
Only developing needs them, and a network once: `make run` does without.
"""
_NO_BROWSER: Final = """
Set-up stopped: no Chromium was found, and none could be fetched. The tests open the pages in one.
    Debian, Ubuntu   sudo apt install chromium
    others           install Chromium or Chrome
It may also stand anywhere:  make test CHROMIUM=/path/to/chromium
"""


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def environment() -> dict[str, str]:
    """The environment in which this folder's own Node is found first."""
    return {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def stamp_key(frontend: Path = FRONTEND) -> str:
    """The hash of all that the npm packages depend on."""
    digest = hashlib.sha256()
    manifests = sorted(frontend.glob("packages/*/package.json"))
    for path in (
        *(frontend / n for n in ("package.json", "package-lock.json", ".npmrc")),
        *manifests,
    ):
        digest.update(path.relative_to(frontend).as_posix().encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def install_packages(frontend: Path = FRONTEND) -> None:
    """Bring `node_modules` up to date.

    Raises:
        SetupError: npm failed.
    """
    stamp, key = frontend / STAMP, stamp_key(frontend)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == key:
        return
    started = time.monotonic()
    if not _succeeds([str(BIN / "npm"), "ci", "--ignore-scripts", "--no-progress"], frontend):
        raise SetupError(_NO_PACKAGES)
    stamp.write_text(key, encoding="utf-8")
    print(f"Set up (npm packages) in {time.monotonic() - started:.0f} s.", flush=True)


def find_chromium(environ: Mapping[str, str] = os.environ) -> Path | None:
    """A Chromium: `CHROMIUM`, one on the path, or the one Playwright has fetched; else None."""
    chosen = environ.get("CHROMIUM")
    if chosen:
        return Path(chosen)
    for name in _NAMES:
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            return Path(found)
    return _playwrights_chromium()


def install_chromium() -> None:
    """See that there is a Chromium.

    Raises:
        SetupError: there is none, and none could be had.
    """
    if find_chromium() is not None:
        return
    print("Fetching a Chromium for the tests of the pages …", flush=True)
    playwright = [str(BIN / "playwright"), "install", "--only-shell", "chromium"]
    if _succeeds(playwright, ROOT, quiet=True) and find_chromium() is not None:
        return
    as_root = os.name == "posix" and os.geteuid() == 0
    apt = shutil.which("apt-get")
    if apt and as_root:
        for command in (
            [apt, "update", "--quiet"],
            [apt, "install", "--quiet", "--yes", "--no-install-recommends", "chromium"],
        ):
            _succeeds(command, ROOT, quiet=True)
    if find_chromium() is None:
        raise SetupError(_NO_BROWSER)


def _playwrights_chromium() -> Path | None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow, and rarely wanted

    with sync_playwright() as playwright:
        folder = Path(playwright.chromium.executable_path).parent.parent.parent
    shells = sorted(folder.glob("chromium_headless_shell-*/*/*headless*shell*"))
    runnable = [path for path in shells if path.is_file() and os.access(path, os.X_OK)]
    return runnable[-1] if runnable else None


def _succeeds(command: Sequence[str], folder: Path, *, quiet: bool = False) -> bool:
    sink = subprocess.DEVNULL if quiet else None
    try:
        done = subprocess.run(
            command,
            check=False,
            cwd=folder,
            env=environment() | {"DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            timeout=_BROWSER_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def main() -> int:
    """Set up packages and browser; 0 when all is well."""
    try:
        install_packages()
        install_chromium()
    except SetupError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
