"""Floor 3: which addresses an answer may hold: those the person wrote. Pure."""

import re
from typing import Final

URL: Final = re.compile(r"(?:[a-z][a-z0-9+.\-]{1,31}://|www\.)[^\s<>\"`|\\^{}]+", re.IGNORECASE)
"""A bare address, with what may be punctuation after it."""

_PUNCTUATION: Final = ".,;:!?'*_~)]}"


def bare(url: str) -> str:
    """`url` without the punctuation that follows it in a text."""
    return url.rstrip(_PUNCTUATION)


class Targets:
    """The addresses in some texts of the person's own."""

    def __init__(self, *texts: str) -> None:
        self._known = {bare(found[0]).rstrip("/") for text in texts for found in URL.finditer(text)}

    def __contains__(self, url: str) -> bool:
        """Whether the person wrote exactly that address."""
        return url.rstrip("/") in self._known
