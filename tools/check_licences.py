"""Tool: the licence of everything that is installed to run, and whether each is a permissive one.

Reads the metadata of the installed packages that the files below in `requirements/` pin.
"""

import re
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = ("core.txt", "embedded.txt", "formats.txt", "vectors.txt")

_PERMISSIVE: Final = re.compile(
    r"\b(MIT|BSD|Apache|ISC|PSF|Python Software Foundation|Unlicense|zlib|any-OSI|0BSD)\b"
)


def licence(about: PackageMetadata) -> str:
    """What a package says of its licence: expression, else classifiers, else its first line."""
    for expression in about.get_all("License-Expression", []):
        return expression
    kinds = [line for line in about.get_all("Classifier", []) if line.startswith("License ::")]
    if kinds:
        return "; ".join(kind.rsplit(" :: ", maxsplit=1)[-1] for kind in kinds)
    return next(iter("\n".join(about.get_all("License", [])).splitlines()), "")


def pinned(text: str) -> list[str]:
    """The names a requirements file pins."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", text, flags=re.MULTILINE)


def main() -> int:
    """Print the licences; 0 when each is known to be permissive."""
    doubtful = 0
    for file in FILES:
        for name in pinned((ROOT / "requirements" / file).read_text(encoding="utf-8")):
            try:
                found = licence(metadata(name))
            except PackageNotFoundError:
                print(f"  {name:24} not installed on this platform")
                continue
            fine = bool(_PERMISSIVE.search(found))
            doubtful += not fine
            print(f"{' ' if fine else '!'} {name:24} {found or 'says nothing'}")
    return 1 if doubtful else 0


if __name__ == "__main__":
    sys.exit(main())
