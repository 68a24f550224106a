"""Floor 3: EditText, an edited text that refers to nothing remote which was not there before. Pure.

Rule 1: what the person wrote, and what stood in the text, stays to the letter, whatever it is
    written in; of any other address the part that makes it reach out is left out.
Rule 2: only what could be the beginning of an address is held back.
"""

import re
from collections.abc import Sequence
from typing import Final

from tailrace.nodes.answer_text import Marker
from tailrace.nodes.targets import URL, Targets, bare

_SCHEME: Final = re.compile(r"(?:(?:https?|ftp|wss?):)?//(?=[^\s/])", re.IGNORECASE)
_BEGINNING: Final = re.compile(
    r"(?:(?:(?<![a-z])(?:h|ht|htt|https?|f|ft|ftp|w|ws|wss))|"
    r"(?<![a-z])(?:https?|ftp|wss?):/{0,2}|/{1,2})$",
    re.IGNORECASE,
)
_OPENS: Final = re.compile(r"(?:[(<\"'=]|\]:\s{0,3})$")
_LAST_CHARS: Final = 5
_END: Final = re.compile(r"[\s<>\"`|\\^{}]")
_MAX_CHARS: Final = 2_000


class EditText:
    """Takes an edited text as it comes; gives what may be shown of it."""

    def __init__(self, targets: Targets) -> None:
        """Keep addresses in `targets`."""
        self._targets = targets
        self._held = ""
        self._last = ""

    def feed(self, text: str) -> Sequence[str | Marker]:
        """What may be shown now that `text` has come too."""
        return self._take(text, final=False)

    def end(self) -> Sequence[str | Marker]:
        """What was held back; nothing more comes."""
        return self._take("", final=True)

    def _take(self, text: str, *, final: bool) -> Sequence[str]:
        buffer, out, at = self._held + text, "", 0
        while found := _SCHEME.search(buffer, at):
            end = _END.search(buffer, found.end())
            if end is None and not final and len(buffer) - found.start() < _MAX_CHARS:
                break
            out += buffer[at : found.start()]
            out += "" if self._reaches_out(buffer, found, out) else found[0]
            at = found.end()
        else:
            held = None if final else _BEGINNING.search(buffer, at)
            rest = len(buffer) if held is None else held.start()
            out += buffer[at:rest]
            at = rest
        if found is not None:
            out += buffer[at : found.start()]
            at = found.start()
        self._held = buffer[at:]
        self._last = (self._last + out)[-_LAST_CHARS:]
        return [out] if out else []

    def _reaches_out(self, buffer: str, scheme: re.Match[str], before: str) -> bool:
        if scheme[0] == "//":  # elsewhere it is a comment, or a path
            return _OPENS.search(self._last + before) is not None
        address = URL.match(buffer, scheme.start())
        return address is None or bare(address[0]) not in self._targets
