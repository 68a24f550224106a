"""Floor 7: Finding, what one check of `tailrace doctor` found, and what to do about it."""

from enum import Enum

import msgspec


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
