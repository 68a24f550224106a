"""Floor 7: how a command says that it failed, and where the rest stands.

Rule: a person gets one line; the traceback goes to the log in the home, or with `--debug` to the
terminal.
"""

import logging
import sys
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import TracebackType
from typing import Final

import typer

from tailrace.cli.options import Options, settings_of
from tailrace.errors import TailraceError

LOG_FILE: Final = "tailrace.log"
_LOG_BYTES: Final = 1024 * 1024


def report(message: str) -> None:
    """Say on stderr that something failed."""
    typer.secho(f"error: {message}", fg=typer.colors.RED, err=True)


def log_to(home: Path) -> None:
    """Keep what goes wrong in the home's log, of bounded size, instead of on the terminal."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    handler = RotatingFileHandler(
        home / LOG_FILE, maxBytes=_LOG_BYTES, backupCount=1, delay=True, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)


def log_to_terminal() -> None:
    """Tell on stderr what our own modules say of their work; for a server."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    ours = logging.getLogger("tailrace")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)


def install_hook(context: typer.Context, options: Options) -> None:
    """From here on, an error that nobody foresaw is told in a line."""

    def tell(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if options.debug:
            sys.__excepthook__(kind, error, where)
            return
        report(f"something unforeseen went wrong ({kind.__name__}); {_keep(context, error)}")

    sys.excepthook = tell


def _keep(context: typer.Context, error: BaseException) -> str:
    """Where the traceback was kept, or how to see it."""
    try:
        home = settings_of(context).home
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (home / LOG_FILE).open("a", encoding="utf-8") as log:
            log.writelines(traceback.format_exception(error))
    except (OSError, TailraceError):
        return "`tailrace --debug …` shows the details"
    return f"{home / LOG_FILE} has the details"
