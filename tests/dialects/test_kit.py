"""Our dialects keep their promises, and the kit sees where one does not."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from tailrace.dialects.base import Dialect
from tailrace.dialects.registry import DIALECT_NAMES, open_dialect
from tailrace.errors import InvalidRequestError
from tailrace.events.logged import LoggedEvent
from tailrace.testing.dialects import check_dialect, project
from tailrace.testing.logs import recorded_logs
from tailrace.wire.frame import Frame
from tailrace.wire.sse import encode

_GOLDEN = Path(__file__).parents[2] / "contracts" / "golden"


@pytest.mark.parametrize("name", DIALECT_NAMES)
def test_a_dialect_of_ours_keeps_its_promises(name: str) -> None:
    check_dialect(lambda: open_dialect(name))


@pytest.mark.parametrize("log", recorded_logs())
@pytest.mark.parametrize("name", DIALECT_NAMES)
def test_a_log_gives_the_bytes_it_always_gave(name: str, log: str) -> None:
    frames = project(open_dialect(name), recorded_logs()[log])
    sent = b"".join(encode(frame) for given in frames for frame in given)
    golden = _GOLDEN / name / f"{log.replace(',', '').replace(' ', '-')}.sse"
    assert sent.decode() == golden.read_bytes().decode()


def test_the_native_dialect_sends_the_stored_bytes_under_the_events_cursor() -> None:
    log = recorded_logs()["answer"]
    assert project(open_dialect("native"), log) == [
        (Frame(logged.data, f"1-{logged.seq}"),) for logged in log
    ]


def test_an_unknown_dialect_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(InvalidRequestError, match="native, seed"):
        open_dialect("morse")


class _Broken:
    """A dialect that keeps all promises; each test breaks one."""

    name: ClassVar[str] = "broken"
    stateless: ClassVar[bool] = True

    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        return (Frame(b"{}", str(logged.cursor)),)


class _Counting(_Broken):
    def __init__(self) -> None:
        self._numbers = count()

    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        return (Frame(b"%d" % next(self._numbers), str(logged.cursor)),)


_shared = count()


class _Shared(_Broken):
    stateless: ClassVar[bool] = False

    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        return (Frame(b"%d" % next(_shared), str(logged.cursor)),)


class _EarlyId(_Broken):
    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        return (Frame(b"{}", str(logged.cursor)), Frame(b"{}", str(logged.cursor)))


class _NoId(_Broken):
    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        return (Frame(b"%d" % logged.seq),)


class _Endless(_Broken):
    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        return () if logged.event.is_terminal else super().frames(logged)


class _ManyLines(_Broken):
    def frames(self, logged: LoggedEvent) -> Sequence[Frame]:
        return (Frame(b"{\n}", str(logged.cursor)),)


def test_the_kit_passes_a_dialect_that_keeps_its_promises() -> None:
    check_dialect(_Broken)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (_Counting, "gave other frames alone, yet it says stateless"),
        (_Shared, "gave other frames when the same log came again"),
        (_EarlyId, "has an id on a frame that is not the event's last"),
        (_NoId, "has the id None, not its cursor '1-1'"),
        (_Endless, "is terminal, but gives no frame"),
        (_ManyLines, "has data of several lines"),
    ],
)
def test_the_kit_says_which_promise_is_broken(make: type[Dialect], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_dialect(make)
