"""Floor 7: what `tailrace doctor` asks a server about documents: are changes noticed, is all found.

Rule: what cannot be asked is passed over; whether the server answers is another check's matter.
"""

from collections.abc import Iterator
from typing import Final

import httpx2
import msgspec

from tailrace.cli.door import CoverageView
from tailrace.cli.finding import Finding, Verdict

_PATH: Final = "/api/documents/coverage"
_TIMEOUT_S: Final = 10.0
_UNNOTICED: Final = "not watched, looked at"
_LOCAL: Final = (
    "keep them on a disk of this machine, and let it watch more files "
    "(fs.inotify.max_user_watches); until then, a change is found at the next look"
)


def check_coverage(url: str, token: str) -> Iterator[Finding]:
    """Whether changes in added folders are noticed, and how much is found by its meaning."""
    headers = {"authorization": f"Bearer {token}"}
    try:
        with httpx2.Client(headers=headers, trust_env=False, timeout=_TIMEOUT_S) as client:
            found = msgspec.json.decode(client.get(url + _PATH).content, type=CoverageView)
    except (httpx2.HTTPError, msgspec.DecodeError):
        return
    if found.folders.startswith(_UNNOTICED):
        yield Finding("Folders", Verdict.NOTE, found.folders, _LOCAL)
    else:
        yield Finding("Folders", Verdict.OK, found.folders)
    if found.failed:
        detail = f"{found.failed:,} documents could not be read"
        advice = "`tailrace docs list --status failed` says why"
        yield Finding("Unread", Verdict.NOTE, detail, advice)
    if found.model:
        detail = f"{found.pieces_embedded:,} of {found.pieces:,} passages, by {found.model}"
        yield Finding("Meaning", Verdict.OK, detail)
