"""Floor 1: whether this computer can run the embedded model, and how much it may use of it.

Rule: a container's limits count, not only what the hardware has; what cannot be known is None.
"""

import importlib.util
import math
import os
import re
import sys
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_CPUS = Path("/sys/devices/system/cpu")


def runtime_is_installed() -> bool:
    """Whether the package that runs models is here."""
    return importlib.util.find_spec("xllamacpp") is not None


def physical_cores() -> int | None:
    """Physical cores this process may use; None where only the runtime can tell."""
    if sys.platform != "linux":
        return None
    allowed = os.sched_getaffinity(0)
    cores = {_siblings(cpu) for cpu in allowed}
    return max(1, min(len(cores), _cpu_quota() or len(cores)))


def memory_bytes() -> int | None:
    """Memory this process may use."""
    if sys.platform == "win32":
        return None
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    limit = _read(_CGROUP / "memory.max")
    return min(total, int(limit)) if limit.isdecimal() else total


def _siblings(cpu: int) -> str:
    return _read(_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list") or str(cpu)


def _cpu_quota() -> int | None:
    """Source: https://docs.kernel.org/admin-guide/cgroup-v2.html (cpu.max: quota, period)."""
    match = re.fullmatch(r"(\d+) (\d+)", _read(_CGROUP / "cpu.max"))
    return math.ceil(int(match[1]) / int(match[2])) if match else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
