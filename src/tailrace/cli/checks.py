"""Floor 7: what `tailrace doctor` looks at; each check says what it found, and what to do.

Rule: a check changes nothing, and its own failure is a finding.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from tailrace.agent.home import Holder, holder
from tailrace.cli.fetching import library_of
from tailrace.cli.runner import run
from tailrace.errors import StoreError
from tailrace.llm.catalogue import DEFAULT_MODEL
from tailrace.llm.fetch import sha256_of, size_of
from tailrace.llm.library import InstalledModel, ModelLibrary
from tailrace.settings import Settings
from tailrace.stores.registry import examine_store

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_OLDEST_PYTHON: Final = (3, 11)
_TIMEOUT_S: Final = 5.0
_IMPORT_TIMEOUT_S: Final = 60.0
_GB: Final = 1_000_000_000
_LITTLE_BYTES: Final = 100_000_000
_KEY_REFUSED: Final = frozenset({401, 403})
_ERROR_FROM: Final = 500


class Verdict(Enum):
    """How bad a finding is; only BROKEN fails the command."""

    OK = "✓"
    NOTE = "!"
    BROKEN = "✗"


class Finding(msgspec.Struct, frozen=True):
    """What one check found; `advice` says what to do, "" where nothing."""

    name: str
    verdict: Verdict
    detail: str
    advice: str = ""


def checks(settings: Settings, *, deep: bool) -> Iterator[Finding]:
    """Every finding, in the order of what rests on what; `deep` reads model files whole."""
    held = holder(settings.home) if os.access(settings.home, os.W_OK) else None
    yield _python()
    yield _home(settings.home)
    yield _lock(settings.home, held)
    if held is not None and held.url:
        yield _server(held)
    yield _disk(settings.home)
    yield _database(settings.home)
    if settings.llm_url:
        yield _endpoint(settings)
        return
    yield _runtime()
    yield from _models(library_of(settings), settings.llm_model, deep=deep)


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
    return Finding("Lock", Verdict.NOTE, detail, "other commands wait until it has ended")


def _server(held: Holder) -> Finding:
    try:
        with httpx2.Client(trust_env=False, timeout=_TIMEOUT_S) as client:
            status = client.get(f"{held.url.rstrip('/')}/healthz").status_code
    except httpx2.HTTPError:
        advice = f"end process {held.pid} and start `tailrace serve` again"
        return Finding("Server", Verdict.BROKEN, f"{held.url} does not answer", advice)
    if status >= _ERROR_FROM:
        return Finding("Server", Verdict.BROKEN, f"{held.url} answers {status}", "see its log")
    return Finding("Server", Verdict.OK, f"{held.url} answers")


def _disk(home: Path) -> Finding:
    folder = next((each for each in (home, *home.parents) if each.exists()), home)
    free = shutil.disk_usage(folder).free
    detail = f"{free / _GB:,.1f} GB free"
    if free < _LITTLE_BYTES:
        return Finding("Disk", Verdict.BROKEN, detail, "free some room; answers cannot be kept")
    if free < _GB:
        return Finding("Disk", Verdict.NOTE, detail, "that is not much")
    return Finding("Disk", Verdict.OK, detail)


def _database(home: Path) -> Finding:
    try:
        facts = examine_store(home)
    except StoreError as exc:
        return Finding("Database", Verdict.BROKEN, exc.message, "restore a backup of your home")
    if facts is None:
        return Finding("Database", Verdict.OK, "none yet (made at first use)")
    detail = f"{facts.engine}, schema {facts.schema}"
    if not facts.intact:
        return Finding("Database", Verdict.BROKEN, f"{detail}, damaged", "restore a backup")
    if not facts.full_text:
        advice = "install apsw from its wheel, which has FTS5"
        return Finding("Database", Verdict.BROKEN, f"{detail}, cannot search text", advice)
    if facts.schema > facts.newest_schema:
        return Finding("Database", Verdict.BROKEN, f"{detail} is too new", "update Tailrace")
    return Finding("Database", Verdict.OK, f"{detail}, intact, full-text search")


def _endpoint(settings: Settings) -> Finding:
    url = settings.llm_url.rstrip("/")
    key = settings.llm_api_key
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    trusts_environment = urlsplit(url).hostname not in _LOOPBACK
    try:
        with httpx2.Client(trust_env=trusts_environment, timeout=_TIMEOUT_S) as client:
            status = client.get(f"{url}/models", headers=headers).status_code
    except (httpx2.HTTPError, httpx2.InvalidURL):
        advice = "start it, or correct TAILRACE_LLM_URL"
        return Finding("Model", Verdict.BROKEN, f"{url} does not answer", advice)
    if status in _KEY_REFUSED:
        return Finding(
            "Model", Verdict.BROKEN, f"{url} refuses the key", "set TAILRACE_LLM_API_KEY"
        )
    if status >= _ERROR_FROM:
        return Finding("Model", Verdict.NOTE, f"{url} answers {status}", "see the endpoint's log")
    return Finding("Model", Verdict.OK, f"{url} answers")


def _runtime() -> Finding:
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
        return Finding("Runtime", Verdict.OK, "xllamacpp loads")
    advice = "install the package xllamacpp, or set TAILRACE_LLM_URL to an endpoint"
    return Finding("Runtime", Verdict.BROKEN, "xllamacpp cannot be loaded", advice)


def _models(library: ModelLibrary, wanted: str, *, deep: bool) -> Iterator[Finding]:
    installed = library.installed()
    if not installed or (wanted and library.find(wanted) is None):
        detail = f"{wanted} is not installed" if wanted else "none is installed"
        advice = f"`tailrace models pull {wanted or DEFAULT_MODEL}` fetches it"
        yield Finding("Model", Verdict.NOTE, detail, advice)
        return
    for model in installed:
        yield _model(library, model, deep=deep)


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
