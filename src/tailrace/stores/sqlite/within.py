"""Floor 1: which documents a search is held to, as SQL over `documents AS d`."""

import json
from typing import Final

from tailrace.stores.documents import Within
from tailrace.stores.sqlite.rows import time_text

_CHANGED: Final = (
    "coalesce(d.mtime_ns, CAST(unixepoch(d.updated_at, 'subsec') * 1000000000 AS INTEGER))"
)
_MOMENT: Final = "CAST(unixepoch(?, 'subsec') * 1000000000 AS INTEGER)"
_ONE_OF: Final = "IN (SELECT value FROM json_each(?))"


def predicate(owner: str, within: Within) -> tuple[str, tuple[str, ...]]:
    """The condition, and what is bound to its marks."""
    conditions = ["d.owner = ?"]
    bound = [owner]
    for column, values in (
        ("d.id", within.document_ids),
        ("d.origin", within.origins),
        ("d.kind", within.kinds),
    ):
        if values is not None:
            conditions.append(f"{column} {_ONE_OF}")
            bound.append(json.dumps(list(values)))
    if within.origins is None:
        conditions.append("d.origin <> 'conversation'")
    for comparison, moment in ((">=", within.changed_after), ("<", within.changed_before)):
        if moment is not None:
            conditions.append(f"{_CHANGED} {comparison} {_MOMENT}")
            bound.append(time_text(moment))
    return " AND ".join(conditions), tuple(bound)
