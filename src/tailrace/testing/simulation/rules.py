"""Testing floor: what holds in every world; each function gives what is broken, in words.

The rules are those of the log (ARCHITECTURE.md, "The rules of the log").
"""

from collections.abc import Iterator, Sequence
from typing import Final, cast

from tailrace.events.ending import content_sha256
from tailrace.events.event import StreamEvent
from tailrace.events.fold import RunFold
from tailrace.events.logged import LoggedEvent
from tailrace.events.types import EventType, Outcome
from tailrace.stores.base import LIVE_STATES, RunRow
from tailrace.stores.conversations import OPEN_STATUSES, MessageRow

_EXPECTED: Final = frozenset(
    {None, "storage_failed", "storage_full", "model_timeout", "worker_lost", "input_expired"}
)
"""What the faults of a world may end a run with."""


def broken_in_log(run: RunRow, events: Sequence[LoggedEvent]) -> Iterator[str]:
    """What is wrong with the log of a run, in a world that has come to rest."""
    name, seqs = run.query, [each.seq for each in events]
    if seqs != list(range(1, len(events) + 1)):
        yield f"{name}: its seqs are {seqs}"
        return
    decoded = [each.event for each in events]
    if [each.seq for each in decoded] != seqs:
        yield f"{name}: events stand at other places than they say"
    epochs = [each.epoch for each in decoded]
    if epochs != sorted(epochs) or epochs[-1] > run.epoch:
        yield f"{name}: its epochs are {epochs}, and it is at {run.epoch}"
    terminal = [each.seq for each in decoded if each.is_terminal]
    if run.state in LIVE_STATES or terminal != [len(events)]:
        yield f"{name}: it is {run.state}, with {len(events)} events, terminal ones at {terminal}"
        return
    yield from _broken_in_text(run, decoded)


def _broken_in_text(run: RunRow, events: Sequence[StreamEvent]) -> Iterator[str]:
    """What is wrong with an answer, and with what its end says of it."""
    fold = RunFold()
    for event in events:
        if event.type is EventType.STREAM_CHUNK:
            place = (event.metadata["index"], event.metadata["offset"])
            if place != (fold.chunk_count, fold.text_length):
                yield f"{run.query}: chunk {event.seq} is at {place}, not where the text ends"
        fold.apply(event)
    facts = events[-1].metadata
    told = (facts["last_seq"], facts["content_sha256"], facts["outcome"])
    found = (len(events), content_sha256(fold.text), run.outcome)
    if told != found:
        yield f"{run.query}: its end says {told}, and it is {found}"


def broken_in_answer(
    run: RunRow, events: Sequence[LoggedEvent], told: Sequence[str]
) -> Iterator[str]:
    """What is wrong with the answer of a run, of whose attempts each has said one of `told`."""
    fold = RunFold()
    for logged in events:
        fold.apply(logged.event)
    if run.error_code not in _EXPECTED:
        yield f"{run.query}: it failed as {run.error_code}, which nothing here accounts for"
    if run.outcome is Outcome.ANSWERED and fold.text not in told:
        yield f"{run.query}: no attempt has said {fold.text!r}, but {told}"


def broken_in_message(
    run: RunRow, events: Sequence[LoggedEvent], message: MessageRow
) -> Iterator[str]:
    """What is wrong with the answer that a run wrote, in a world that has come to rest."""
    fold = RunFold()
    for logged in events:
        fold.apply(logged.event)
    if message.status in OPEN_STATUSES or message.status.value != run.state.value:
        yield f"{run.query}: it is {run.state}, its message {message.status}"
    if message.content != fold.text:
        yield f"{run.query}: its message is {message.content!r}, its log says {fold.text!r}"


def broken_in_transcript(
    name: str, seen: Sequence[LoggedEvent], log: Sequence[LoggedEvent]
) -> Iterator[str]:
    """What is wrong with what one viewer saw, over all its lines, from the start to the end."""
    if [each.data for each in seen] == [each.data for each in log]:
        return
    yield (
        f"{name}: a viewer saw {[each.seq for each in seen]}, "
        f"the log has {[each.seq for each in log]}"
    )


def is_kept(shown: LoggedEvent, log: Sequence[LoggedEvent]) -> bool:
    """Whether what a viewer is shown is in the log, as it is shown or merged with others."""
    if shown.seq > len(log):
        return False
    made_of_many = shown.type == EventType.SNAPSHOT or shown.event.first_seq < shown.seq
    return made_of_many or log[shown.seq - 1].data == shown.data


def broken_in_digest(
    name: str, seen: Sequence[LoggedEvent], log: Sequence[LoggedEvent]
) -> Iterator[str]:
    """What is wrong with what a viewer saw who was shown snapshots, and chunks merged."""
    last_seq = 0
    for logged in seen:
        follows = logged.type == EventType.SNAPSHOT or logged.event.first_seq == last_seq + 1
        if not follows or logged.seq < last_seq:
            yield f"{name}: a viewer at {last_seq} was shown {logged!r}"
        last_seq = logged.seq
    if _told(seen) != _told(log):
        yield f"{name}: a viewer was told {_told(seen)}, the log says {_told(log)}"


def _told(events: Sequence[LoggedEvent]) -> list[object]:
    fold = RunFold()
    for logged in events:
        fold.apply(logged.event)
    told: list[object] = [fold.text, fold.reasoning, fold.last_seq, fold.terminal, fold.usage]
    return [*told, fold.stage, fold.thinking, fold.statuses, fold.sources, fold.inputs]


def broken_in_answers(
    name: str, log: Sequence[LoggedEvent], taken: Sequence[tuple[str, str]]
) -> Iterator[str]:
    """What is wrong with the answers of a run's user, of which those in `taken` were taken."""
    told: dict[str, str] = {}
    for logged in log:
        metadata = logged.event.metadata
        if logged.type != EventType.DONE or "request_id" not in metadata:
            continue
        request_id = cast("str", metadata["request_id"])
        if request_id in told:
            yield f"{name}: {request_id} was answered twice"
        told[request_id] = cast("str", metadata["input"])
    for request_id, text in taken:
        if told.get(request_id) != text:
            yield f"{name}: {text!r} was taken, and the log has {told.get(request_id)!r}"
