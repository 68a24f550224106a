"""Floor 2: merging, how adjacent chunks become one for a viewer that lags. Pure.

Rule 1: only chunks merge that follow one another and agree in type, stage, node and attempt; so
    nothing is merged across another event, and a `retract` never goes back to within one.
Rule 2: what is merged says so: it has the seq of the last, and `metadata.merged: [first, last]`.
"""

from collections.abc import Sequence

import msgspec

from tailrace.events.event import JSON
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import CHUNK_TYPES


def merged(events: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    """The events, adjacent chunks as one."""
    out: list[LoggedEvent] = []
    run: list[LoggedEvent] = []
    for logged in events:
        if run and not _belongs(run[-1], logged):
            out.append(_one(run))
            run = []
        if logged.type in CHUNK_TYPES:
            run.append(logged)
        else:
            out.append(logged)
    if run:
        out.append(_one(run))
    return out


def _belongs(last: LoggedEvent, logged: LoggedEvent) -> bool:
    if logged.type != last.type or logged.seq != last.seq + 1:
        return False
    one, other = last.event, logged.event
    return (
        one.stage is other.stage
        and one.node is other.node
        and one.epoch == other.epoch
        and other.progress is None
    )


def _one(run: Sequence[LoggedEvent]) -> LoggedEvent:
    if len(run) == 1:
        return run[0]
    first = run[0].event
    span: list[JSON] = [first.seq, run[-1].seq]
    return LoggedEvent.of(
        msgspec.structs.replace(
            first,
            seq=run[-1].seq,
            content="".join([logged.event.content for logged in run]),
            metadata={**first.metadata, "merged": span},
        )
    )
