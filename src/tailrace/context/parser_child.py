"""Floor 2: the process that reads files, for its parent alone.

Started as `python -m tailrace.context.parser_child MEMORY_BYTES TIMEOUT_S`. It reads requests from
its standard input, and writes what it read to its standard output.

Rule 1: it ends with its parent, however that died: when its standard input does, whatever it is
    busy with; and where the system can do that, by the death itself.
Rule 2: it has what it needs and no more: so much memory and processor time, no file to write.
Rule 3: it does not wait for ever: after a minute without work, or grown large, it ends.

Exit codes: 0 its parent is gone, or there is nothing to do, or it has grown; 4 out of memory.
"""

import ctypes
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from typing import BinaryIO, Final, cast

from tailrace.context.parcel import (
    OutOfMemory,
    Ready,
    Reply,
    Request,
    packed,
    replies,
    request_from,
)
from tailrace.context.read import Reading, SameBytes, read_bytes, read_path
from tailrace.context.walk import FoundFile

_DONE, _OUT_OF_MEMORY = 0, 4
_IDLE_S: Final = 60.0
_NICENESS: Final = 5
_PR_SET_PDEATHSIG: Final = 1
_SPARE_CPU_S: Final = 5

_Work = tuple[Request, bytes | None]


def main() -> None:
    """Read until there is nothing more to read."""
    memory_bytes, timeout_s = int(sys.argv[1]), float(sys.argv[2])
    requests, out = _take_pipes()
    _die_with_parent()
    # openpyxl would load it to know its numbers: half a second and 100 MB for nothing
    cast("dict[str, object]", sys.modules)["numpy"] = None
    work: queue.Queue[_Work] = queue.Queue(maxsize=1)
    threading.Thread(target=_listen, args=(requests, work), daemon=True).start()
    _limit(memory_bytes)
    _send(out, Ready())
    while True:
        try:
            request, data = work.get(timeout=_IDLE_S)
        except queue.Empty:
            os._exit(_DONE)
        for file, sha256 in zip(request.files, request.known_sha256, strict=True):
            _limit_cpu(timeout_s)
            try:
                for reply in replies(_read(request, file, sha256, data)):
                    _send(out, reply)
            except MemoryError:
                _send(out, OutOfMemory())
                os._exit(_OUT_OF_MEMORY)
        del request, data
        if _used_bytes() > memory_bytes // 2:
            os._exit(_DONE)


def _read(
    request: Request, file: FoundFile, sha256: str, data: bytes | None
) -> Reading | SameBytes:
    if data is not None:
        return read_bytes(request.owner, file, data, request.origin)
    return read_path(request.owner, file, sha256, request.max_bytes)


def _listen(pipe: BinaryIO, work: "queue.Queue[_Work]") -> None:
    """Hand over what the parent asks for; when the parent is gone, so are we."""
    with suppress(OSError, ValueError, MemoryError):
        while request := request_from(pipe):
            work.put(request)
    os._exit(_DONE)


def _send(out: BinaryIO, reply: Reply) -> None:
    try:
        out.write(packed(reply))
        out.flush()
    except OSError:
        os._exit(_DONE)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes to the parent; what a library prints goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when we end
    requests = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    return requests, out


def _die_with_parent() -> None:
    """Have the system kill us when the parent dies, on Linux."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _limit(memory_bytes: int) -> None:
    """Step back behind the server's own work, and take away what is not needed."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - only where there is one

    with suppress(OSError):
        os.nice(_NICENESS)
    for what, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        with suppress(OSError, ValueError):
            resource.setrlimit(what, (most, most))


def _limit_cpu(timeout_s: float) -> None:
    """Have the system end us where nobody else does: the next file has so much time as well."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - only where there is one

    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + timeout_s) + _SPARE_CPU_S
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def _used_bytes() -> int:
    """The most memory that was in use, where the system tells."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 - only where there is one

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
