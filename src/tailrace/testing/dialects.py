"""Kit: proves that a dialect keeps what `tailrace.dialects.base` promises.

    from tailrace.testing.dialects import check_dialect

    def test_my_dialect_keeps_its_promises() -> None:
        check_dialect(MyDialect)

Rule 1: it feeds whole logs (`tailrace.testing.logs`) and looks only at frames.
Rule 2: what it finds is said in a sentence that names the log and the event.
"""

from collections.abc import Callable, Sequence

from tailrace.dialects.base import Dialect
from tailrace.events.logged import LoggedEvent
from tailrace.testing.logs import recorded_logs
from tailrace.wire.frame import Frame
from tailrace.wire.sse import SSEDecoder, encode

Projection = list[tuple[Frame, ...]]


def check_dialect(make: Callable[[], Dialect]) -> None:
    """Run every recorded log through dialects that `make` gives, one a log.

    Raises:
        AssertionError: a promise is broken; the message says which, and where.
    """
    logs = recorded_logs()
    for name, log in logs.items():
        frames = project(make(), log)
        _check_purity(make, name, log, frames)
        _check_ids(name, log, frames)
        _check_terminal(name, log, frames)
        _check_wire(name, log, frames)
    _check_apart(make, logs)


def project(dialect: Dialect, log: Sequence[LoggedEvent]) -> Projection:
    """The frames of each event of `log`, in order."""
    return [tuple(dialect.frames(event)) for event in log]


def _check_purity(
    make: Callable[[], Dialect], name: str, log: Sequence[LoggedEvent], frames: Projection
) -> None:
    stored = [LoggedEvent(e.gen, e.seq, e.type, e.data) for e in log]  # as a store gives it back
    again = project(make(), stored)
    for event, first, second in zip(log, frames, again, strict=True):
        _demand(first == second, name, event, "gave other frames when the same log came again")
    if make().stateless:
        for event, whole in zip(log, frames, strict=True):
            alone = tuple(make().frames(event))
            _demand(alone == whole, name, event, "gave other frames alone, yet it says stateless")


def _check_ids(name: str, log: Sequence[LoggedEvent], frames: Projection) -> None:
    for event, given in zip(log, frames, strict=True):
        earlier = [frame.id for frame in given[:-1] if frame.id is not None]
        _demand(not earlier, name, event, "has an id on a frame that is not the event's last")
        if given:
            last = given[-1].id
            wanted = str(event.cursor)
            _demand(last == wanted, name, event, f"has the id {last!r}, not its cursor {wanted!r}")


def _check_terminal(name: str, log: Sequence[LoggedEvent], frames: Projection) -> None:
    _demand(bool(frames[-1]), name, log[-1], "is terminal, but gives no frame: no client sees it")


def _check_wire(name: str, log: Sequence[LoggedEvent], frames: Projection) -> None:
    for event, given in zip(log, frames, strict=True):
        for frame in given:
            one_line = b"\n" not in frame.data and b"\r" not in frame.data
            _demand(one_line, name, event, "has data of several lines, which plain readers lose")
            read = SSEDecoder().feed(encode(frame))
            same = [(e.data.encode(), e.event, e.id) for e in read] == [
                (frame.data, frame.event or "message", frame.id or "")
            ]
            _demand(same, name, event, "has a frame that is read as something else")


def _check_apart(make: Callable[[], Dialect], logs: dict[str, Sequence[LoggedEvent]]) -> None:
    """Two viewers at once, event by event, see what each sees alone."""
    names = list(logs)
    for one, other in zip(names, [*names[1:], names[0]], strict=True):
        first, second = make(), make()
        mixed: Projection = []
        for at in range(max(len(logs[one]), len(logs[other]))):
            if at < len(logs[one]):
                mixed.append(tuple(first.frames(logs[one][at])))
            if at < len(logs[other]):
                second.frames(logs[other][at])
        alone = project(make(), logs[one])
        for event, seen, expected in zip(logs[one], mixed, alone, strict=True):
            _demand(seen == expected, one, event, "gave other frames beside another viewer")


def _demand(holds: bool, log: str, event: LoggedEvent, what: str) -> None:  # noqa: FBT001 - a claim
    if not holds:
        msg = f"in the log {log!r}, event {event.cursor} ({event.type}) {what}"
        raise AssertionError(msg)
