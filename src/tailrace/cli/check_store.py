"""Floor 7: what `tailrace doctor` looks at in a home's database, in use or not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tailrace.cli.finding import Finding, Verdict
from tailrace.errors import StoreError
from tailrace.stores.base import StoreFacts
from tailrace.stores.damage import DamagedRun, Integrity
from tailrace.stores.registry import check_store, examine_store, searchable_documents

_BUDGET_S: Final = 5.0
"""For comparing events and answers with their checksums; --deep takes as long as it takes."""

_SHOWN: Final = 5
_RESTORE: Final = "`tailrace restore FILE` puts a backup from before in its place"


def check_store_of(home: Path, *, deep: bool) -> Iterator[Finding]:
    """Whether the database of `home` can be used, and holds what was written."""
    try:
        facts = examine_store(home)
        count = searchable_documents(home)
    except StoreError as exc:
        yield Finding("Database", Verdict.BROKEN, exc.message, _RESTORE)
        return
    if facts is None:
        yield Finding("Database", Verdict.OK, "none yet (made at first use)")
        return
    yield _store(facts)
    yield from _contents(check_store(home, None if deep else _BUDGET_S))
    if count:
        yield Finding("Documents", Verdict.OK, f"{count:,} can be searched")
    else:
        advice = "`tailrace docs add FOLDER` adds some"
        yield Finding("Documents", Verdict.NOTE, "none can be searched", advice)


def _store(facts: StoreFacts) -> Finding:
    detail = f"{facts.engine}, schema {facts.schema}"
    if not facts.intact:
        return Finding("Database", Verdict.BROKEN, f"{detail}, damaged", _RESTORE)
    if not facts.full_text:
        advice = "install apsw from its wheel, which has FTS5"
        return Finding("Database", Verdict.BROKEN, f"{detail}, cannot search text", advice)
    if facts.schema > facts.newest_schema:
        return Finding("Database", Verdict.BROKEN, f"{detail} is too new", "update Tailrace")
    return Finding("Database", Verdict.OK, f"{detail}, intact, full-text search")


def _contents(found: Integrity) -> Iterator[Finding]:
    if found.intact:
        newest = "" if found.complete else "the newest "
        rest = "" if found.complete else " (--deep compares all)"
        detail = f"{newest}{found.events:,} events and {found.answers:,} answers are as written"
        yield Finding("Log", Verdict.OK, detail + rest)
        return
    if found.unreadable:
        detail = f"parts cannot be read, after {found.events:,} events"
        yield Finding("Log", Verdict.BROKEN, detail, _RESTORE)
    for damaged in found.damaged_runs[:_SHOWN]:
        yield Finding("Log", Verdict.BROKEN, _damage(damaged), _advice(damaged))
    for answer in found.damaged_answers[:_SHOWN]:
        where = f"conversation {answer.conversation_id}, message {answer.message_id}"
        detail = f"the answer of run {answer.run_id} is not what was written: {where}"
        advice = f"`tailrace runs watch {answer.run_id}` shows it as it was written"
        yield Finding("Log", Verdict.BROKEN, detail, advice)
    for run_id in found.damaged_snapshots[:_SHOWN]:
        detail = f"what run {run_id} amounts to is not as written"
        yield Finding("Log", Verdict.BROKEN, detail, _RESTORE)
    lists = (found.damaged_runs, found.damaged_answers, found.damaged_snapshots)
    more = sum(len(each[_SHOWN:]) for each in lists)
    if more:
        yield Finding("Log", Verdict.BROKEN, f"and {more:,} more", _RESTORE)
    if found.loose_rows:
        detail = f"{found.loose_rows:,} rows belong to something that is not there"
        yield Finding("Log", Verdict.BROKEN, detail, _RESTORE)


def _damage(damaged: DamagedRun) -> str:
    events = f"event {damaged.first_seq}"
    if damaged.events > 1:
        events = f"{damaged.events:,} events from {damaged.first_seq} on"
    detail = f"run {damaged.run_id}: {events} not as written"
    if damaged.conversation_id is None:
        return detail
    return f"{detail}; conversation {damaged.conversation_id}, message {damaged.message_id}"


def _advice(damaged: DamagedRun) -> str:
    if damaged.is_live:
        return f"`tailrace runs cancel {damaged.run_id}` keeps what is before it; then ask again"
    if damaged.conversation_id is None:
        return _RESTORE
    return f"its answer is kept apart from them, in the message; {_RESTORE}"
