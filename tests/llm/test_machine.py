"""How much of this computer the embedded model may use."""

import os
import sys

import pytest

from tailrace.llm.machine import memory_bytes, physical_cores


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the runtime knows better")
def test_the_cores_are_among_those_this_process_may_use() -> None:
    cores = physical_cores()
    assert cores is not None
    assert 1 <= cores <= len(os.sched_getaffinity(0))


@pytest.mark.skipif(sys.platform == "win32", reason="not known there")
def test_the_memory_is_known() -> None:
    memory = memory_bytes()
    assert memory is not None
    assert memory > 2**28
