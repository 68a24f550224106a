"""Tool: make `.venv` what the requirements say, or find in milliseconds that it already is.

Run by the Makefile with any Python >= 3.11; needs the standard library alone.

Rule 1: only pinned, hashed wheels are installed; nothing is built, so no unpinned build tool comes.
Rule 2: a stamp holds the hash of everything a layer depends on; an equal stamp means nothing to do.
Rule 3: what only some machines have wheels for is optional: without one, setup goes on.
"""

import argparse
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
VENV_PYTHON: Final = VENV / "bin" / "python"

LAYERS: Final = {
    "run": ("core.txt", "setup.txt", "embedded.txt", "formats.txt", "vectors.txt"),
    "dev": ("dev.txt",),
    "frontend": ("frontend.txt",),
    "lock": ("lock.txt",),
}

_NO_VENV: Final = """\
{python} (Python {version}) cannot make virtual environments: its `{module}` module is missing.
Install it, then run the same command again:
    Debian, Ubuntu   sudo apt install python{version}-venv
    others           install the full Python package of your system, or take one from python.org
Or use another Python:  make setup PYTHON=/path/to/python3
"""

_OPTIONAL: Final = {
    "embedded.txt": """\
the engine of the embedded model. To get answers from a model, set TAILRACE_LLM_URL to any
OpenAI-compatible endpoint; until then, answers are the passages that were found.""",
    "formats.txt": """\
what reads PDF and office files; such documents are passed over, and say so.""",
    "vectors.txt": """\
the embedding model. Documents are found by their words alone, unless TAILRACE_EMBEDDINGS_URL
leads to an OpenAI-compatible endpoint.""",
}
_NO_WHEEL: Final = """
Note: this machine ({machine}, Python {version}) has no wheel for
{what}
Everything else is set up.
"""

_NOT_INSTALLED: Final = """
Setup stopped: pip could not install {files} (its own message is above).
No network? Set-up fetches about 150 MB once; afterwards none is needed.
No wheel for this machine ({machine}, Python {version})? Try another Python: make setup PYTHON=...
"""


class SetupError(Exception):
    """Set-up cannot go on; the message says what to do."""


def missing_module() -> str | None:
    """The module that is needed to make a virtual environment and is missing; None if all is well.

    Debian ships `venv` without `ensurepip`, which then fails halfway.
    """
    for name in ("venv", "ensurepip"):
        if importlib.util.find_spec(name) is None:
            return name
    return None


def no_venv_message(module: str) -> str:
    """What a person reads where Python cannot make virtual environments."""
    return _NO_VENV.format(python=sys.executable, version=_version(), module=module)


def stamp_key(layer: str, root: Path = ROOT) -> str:
    """The hash of all that a layer depends on; the folder counts, for scripts name it in full."""
    digest = hashlib.sha256()
    names = [f"requirements/{name}" for name in LAYERS[layer]]
    for part in (str(root), platform.machine(), *names):
        digest.update(part.encode() + b"\0")
    for name in (*names, "pyproject.toml"):
        digest.update((root / name).read_bytes() + b"\0")
    return digest.hexdigest()


def no_wheel(pip_output: str) -> bool:
    """Whether pip failed because there is no wheel for this machine, and not for want of a network.

    Without a network pip ends with the same last line, but it has warned of its retries before.
    """
    return "No matching distribution found" in pip_output and "Retrying" not in pip_output


def set_up(layers: Sequence[str]) -> None:
    """Bring every layer up to date, in order.

    Raises:
        SetupError: this Python or this machine lacks something, or pip failed.
    """
    for layer in layers:
        stamp = VENV / f".tailrace-{layer}"
        key = stamp_key(layer)
        if _read(stamp) == key and VENV_PYTHON.exists():
            continue
        started = time.monotonic()
        _ensure_venv()
        if layer == "run":
            _install_run_layer()
        else:
            _install(LAYERS[layer])
        stamp.write_text(key, encoding="utf-8")
        print(f"Set up ({layer}) in {time.monotonic() - started:.0f} s.", flush=True)


def _ensure_venv() -> None:
    """Make the virtual environment, anew where it was moved or its Python is gone.

    Raises:
        SetupError: this Python cannot make one.
    """
    if _read(VENV / ".tailrace-root") == str(ROOT) and _runs(VENV_PYTHON):
        return
    module = missing_module()
    if module is not None:
        raise SetupError(no_venv_message(module))
    print(f"Making .venv with Python {platform.python_version()} …", flush=True)
    import venv  # noqa: PLC0415 - it may be missing, and then the message above is wanted

    try:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=True).create(VENV)
    except subprocess.CalledProcessError as exc:  # ensurepip is there, but does not work
        raise SetupError(no_venv_message("ensurepip")) from exc
    (VENV / ".tailrace-root").write_text(str(ROOT), encoding="utf-8")


def _install_run_layer() -> None:
    print("Installing what Tailrace needs to run (about 150 MB, once) …", flush=True)
    _install(("core.txt", "setup.txt"))
    for name, what in _OPTIONAL.items():
        _install_optional(name, what)
    # the package itself: editable, from this folder, with the build backend just installed
    code, _ = _pip("--no-deps", "--no-build-isolation", "--no-index", "--editable", ".")
    if code:
        raise SetupError(_not_installed("the tailrace package itself"))


def _install_optional(name: str, what: str) -> None:
    code, output = _pip(*_hashed(name), capture=True)
    if code == 0:
        return
    if not no_wheel(output):
        print(output, file=sys.stderr)
        raise SetupError(_not_installed(f"requirements/{name}"))
    print(_NO_WHEEL.format(what=what, machine=_machine(), version=_version()), flush=True)


def _install(names: Sequence[str]) -> None:
    arguments = [argument for name in names for argument in _hashed(name)]
    code, _ = _pip(*arguments)
    if code:
        raise SetupError(_not_installed(", ".join(f"requirements/{name}" for name in names)))


def _hashed(name: str) -> tuple[str, ...]:
    return ("--require-hashes", "--only-binary=:all:", "--requirement", f"requirements/{name}")


def _pip(*arguments: str, capture: bool = False) -> tuple[int, str]:
    """Run `pip install`; its exit code, and what it printed where that is captured."""
    command = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", *arguments]
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=clean | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"},
        stdout=subprocess.PIPE if capture else None,
        stderr=subprocess.STDOUT if capture else None,
        text=True,
    )
    return done.returncode, done.stdout or ""


def _runs(python: Path) -> bool:
    check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        done = subprocess.run([str(python), "-c", check], check=False, capture_output=True)
    except OSError:
        return False
    return done.returncode == 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"


def _not_installed(files: str) -> str:
    return _NOT_INSTALLED.format(files=files, machine=_machine(), version=_version())


def main() -> int:
    """Set up the layers named on the command line; 0 when all is well."""
    parser = argparse.ArgumentParser(description="Make .venv what the requirements say.")
    parser.add_argument("layers", nargs="*", choices=LAYERS, default=["run"])
    try:
        set_up(parser.parse_args().layers)
    except SetupError as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
