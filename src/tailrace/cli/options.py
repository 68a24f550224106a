"""Floor 7: what every command is given before its own arguments."""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import typer

from tailrace.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options that stand before a command's name; `home` is None for the default."""

    home: Path | None = None
    debug: bool = False


def settings_of(context: typer.Context) -> Settings:
    """The settings a command works with.

    Raises:
        InvalidRequestError: a variable of the environment cannot be used.
    """
    settings = Settings.from_environment(os.environ)
    options: object = context.obj
    if isinstance(options, Options) and options.home is not None:
        return msgspec.structs.replace(settings, home=options.home.expanduser().absolute())
    return settings
