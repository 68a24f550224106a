"""Floor 2: JSON as a person can read it; what is no valid JSON stays the text it is."""

import json
from typing import Final

from tailrace.context.formats.draft import Draft

_LONG_LINE: Final = 1_200
_MAX_REWRITTEN: Final = 2_000_000


def json_draft(text: str) -> Draft:
    """A JSON file.

    Raises:
        RefusedError: the text gets too long.
    """
    draft = Draft()
    draft.write(_json_text(text))
    return draft


def json_lines_draft(text: str) -> Draft:
    """A file with a JSON value on each line.

    Raises:
        RefusedError: the text gets too long.
    """
    rewritten = _needs_rewriting(text)
    draft = Draft()
    draft.write("\n".join(map(_json_text, text.split("\n"))) if rewritten else text)
    return draft


def _json_text(text: str) -> str:
    """`text`, indented where its lines are long, and with letters in place of their numbers."""
    if not _needs_rewriting(text):
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=1)
    except (ValueError, RecursionError):
        return text


def _needs_rewriting(text: str) -> bool:
    if len(text) > _MAX_REWRITTEN:
        return False
    return "\\u" in text or max(map(len, text.split("\n"))) > _LONG_LINE
