"""Tests: what holds for every one of them.

Rule 1: asyncio alone; the package is written for it.
Rule 2: property tests are the same at every run in continuous integration, and have no deadline:
    a slow machine is no bug.
Rule 3: a test that leaves a task or a thread of ours behind fails, whatever it asserts.
"""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Generator

import hypothesis
import pytest

_LEAVE_S = 5.0

hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("dev", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The event loop all tests run on."""
    return "asyncio", {"use_uvloop": False}


def _tasks() -> set[asyncio.Task[object]]:
    """All tasks but those of anyio's own runner, which makes one for each fixture and test."""
    runner = "TestRunner."
    return {
        t for t in asyncio.all_tasks() if runner not in getattr(t.get_coro(), "__qualname__", "")
    }


@pytest.fixture
async def _no_task_left(anyio_backend: object) -> AsyncGenerator[None]:
    del anyio_backend  # asked for so that anyio runs this fixture
    before = _tasks()
    yield
    left = _tasks() - before
    if left:
        _, left = await asyncio.wait(left, timeout=_LEAVE_S)
    assert not left, f"the test left tasks behind: {left}"


@pytest.fixture(autouse=True)
def _nothing_left(request: pytest.FixtureRequest) -> Generator[None]:
    before = set(threading.enumerate())
    if "anyio_backend" in request.fixturenames:
        request.getfixturevalue("_no_task_left")
    yield
    ours = [t for t in threading.enumerate() if t not in before and t.name.startswith("tailrace-")]
    for thread in ours:
        thread.join(_LEAVE_S)
    left = [thread.name for thread in ours if thread.is_alive()]
    assert not left, f"the test left threads behind: {left}"
