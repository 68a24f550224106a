"""Floor 7: what `tailrace doctor` looks at; each check says what it found, and what to do.

Rule: a check changes nothing, and its own failure is a finding.
"""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tailrace.agent.home import Holder, holder
from tailrace.cli.check_coverage import check_coverage
from tailrace.cli.check_endpoint import check_endpoint
from tailrace.cli.check_server import check_server
from tailrace.cli.check_store import check_store_of
from tailrace.cli.fetching import library_of
from tailrace.cli.finding import Finding, Verdict
from tailrace.cli.runner import run
from tailrace.errors import InvalidRequestError
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.llm.fetch import sha256_of, size_of
from tailrace.llm.library import InstalledModel, ModelLibrary
from tailrace.llm.machine import physical_cores
from tailrace.server.guards import parse_keys, parse_origins
from tailrace.settings import Settings

_OLDEST_PYTHON: Final = (3, 11)
_IMPORT_TIMEOUT_S: Final = 60.0
_GB: Final = 1_000_000_000
_LITTLE_BYTES: Final = 100_000_000
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def checks(settings: Settings, *, deep: bool) -> Iterator[Finding]:
    """Every finding, in the order of what rests on what; `deep` reads everything whole."""
    held = holder(settings.home) if os.access(settings.home, os.W_OK) else None
    yield _python()
    yield _home(settings.home)
    yield _lock(settings.home, held)
    if held is not None and held.url:
        restart = f"end process {held.pid} and start `tailrace serve` again"
        yield from check_server(held.url, held.token, if_silent=restart)
        yield from check_coverage(held.url, held.token)
    else:
        yield _port(settings)
    yield _access(settings)
    yield _disk(settings.home)
    yield from check_store_of(settings.home, deep=deep)
    if settings.llm_url:
        yield check_endpoint(settings)
        return
    yield _runtime(settings)
    yield from _models(library_of(settings), settings.llm_model, deep=deep)


def checks_of_address(settings: Settings, url: str) -> Iterator[Finding]:
    """What a browser at `url` would find: the server there, and whether its events come through."""
    start = "start `tailrace serve`, or correct the address"
    yield from check_server(url, first_key(settings), if_silent=start)


def first_key(settings: Settings) -> str:
    """The first of the server's keys; "" where it asks for none."""
    keys = parse_keys(settings.api_keys)
    return keys[0][0].decode() if keys else ""


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < _OLDEST_PYTHON:
        return Finding("Python", Verdict.BROKEN, version, "install Python 3.11 or newer")
    return Finding("Python", Verdict.OK, version)


def _home(home: Path) -> Finding:
    folder = next((each for each in (home, *home.parents) if each.exists()), home)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        advice = "set TAILRACE_HOME to a folder you may write to"
        return Finding("Home", Verdict.BROKEN, f"{home}: {exc.strerror}", advice)
    made = "" if home.is_dir() else " (made at first use)"
    return Finding("Home", Verdict.OK, f"{home}{made}")


def _lock(home: Path, held: Holder | None) -> Finding:
    if held is None:
        return Finding("Lock", Verdict.OK, "nobody is at work here")
    if held.url:
        return Finding("Lock", Verdict.OK, f"process {held.pid} serves {home}")
    detail = f"the command of process {held.pid or 'unknown'} is at work here"
    advice = "wait for it, or set TAILRACE_HOME to another folder"
    return Finding("Lock", Verdict.NOTE, detail, advice)


def _port(settings: Settings) -> Finding:
    where = f"{settings.host}:{settings.port}"
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, settings.port), family=family).close()
    except OSError as exc:
        taken = exc.errno == errno.EADDRINUSE
        detail = f"{where} is in use already" if taken else f"cannot listen on {where}"
        advice = "stop what uses it, or choose another with --port or TAILRACE_PORT"
        return Finding("Port", Verdict.NOTE, detail, advice if taken else "correct TAILRACE_HOST")
    return Finding("Port", Verdict.OK, f"{where} is free" if settings.port else "any that is free")


def _access(settings: Settings) -> Finding:
    try:
        keys = len(parse_keys(settings.api_keys))
        parse_origins(settings.allowed_origins)
    except InvalidRequestError as error:
        return Finding(
            "Access",
            Verdict.BROKEN,
            error.message,
            "correct TAILRACE_API_KEYS, or TAILRACE_ALLOWED_ORIGINS",
        )
    names = ", ".join(filter(None, (settings.host, *_names(settings.allowed_hosts))))
    asks = f"{keys} key{'' if keys == 1 else 's'}" if keys else "no key is asked for"
    detail = f"as {names}; {asks}"
    if not keys and settings.host not in _LOOPBACK:
        advice = "set TAILRACE_API_KEYS: whoever reaches it can read every document"
        return Finding("Access", Verdict.NOTE, detail, advice)
    return Finding("Access", Verdict.OK, detail)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _disk(home: Path) -> Finding:
    folder = next((each for each in (home, *home.parents) if each.exists()), home)
    free = shutil.disk_usage(folder).free
    detail = f"{free / _GB:,.1f} GB free"
    if free < _LITTLE_BYTES:
        return Finding("Disk", Verdict.BROKEN, detail, "free some room; answers cannot be kept")
    if free < _GB:
        return Finding("Disk", Verdict.NOTE, detail, "that is not much")
    return Finding("Disk", Verdict.OK, detail)


def _runtime(settings: Settings) -> Finding:
    try:
        done = subprocess.run(
            [sys.executable, "-c", "import xllamacpp"],
            capture_output=True,
            check=False,
            timeout=_IMPORT_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return Finding("Runtime", Verdict.BROKEN, "xllamacpp does not load in time", "reinstall it")
    if done.returncode == 0:
        threads = settings.model_threads or physical_cores()
        counted = f", {threads} threads" if threads else ""
        return Finding("Runtime", Verdict.OK, f"xllamacpp loads{counted}")
    advice = "install the package xllamacpp, or set TAILRACE_LLM_URL to an endpoint"
    return Finding("Runtime", Verdict.BROKEN, "xllamacpp cannot be loaded", advice)


def _models(library: ModelLibrary, wanted: str, *, deep: bool) -> Iterator[Finding]:
    installed = library.installed()
    if not installed or (wanted and library.find(wanted) is None):
        detail = f"{wanted} is not installed" if wanted else "none is installed"
        advice = f"`tailrace models pull {wanted or DEFAULT_MODEL}` fetches it"
        yield Finding("Model", Verdict.NOTE, detail, advice)
        return
    only_for_trying = all(model.smoke_test_only for model in installed)
    for model in installed:
        finding = _model(library, model, deep=deep)
        if only_for_trying and finding.verdict is Verdict.OK:
            detail = f"{model.name} only shows that the installation works"
            advice = f"`tailrace models pull {DEFAULT_MODEL}` fetches one that can answer"
            finding = Finding("Model", Verdict.NOTE, detail, advice)
        yield finding


def _model(library: ModelLibrary, model: InstalledModel, *, deep: bool) -> Finding:
    path = library.path(model.name)
    detail = f"{model.name}, {model.size_bytes / 1e6:,.0f} MB"
    again = f"`tailrace models remove {model.name}`, then `tailrace models pull {model.name}`"
    if path is None or size_of(path) != model.size_bytes:
        return Finding("Model", Verdict.BROKEN, f"{detail}: its file has another size", again)
    if deep and run(sha256_of(path)) != model.sha256:
        return Finding("Model", Verdict.BROKEN, f"{detail}: its file has another hash", again)
    checked = "size and hash are right" if deep else "size is right (--deep checks its hash)"
    return Finding("Model", Verdict.OK, f"{detail}, {checked}")
