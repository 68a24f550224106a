"""Floor 6: what a server asks of its operating system: room for connections, word of dead ones."""

import logging
import socket
import sys
from typing import Final

_log = logging.getLogger(__name__)

_PROBES: Final = 3


def missing_files(wanted: int) -> int:
    """How many fewer than `wanted` files this process may have open, after asking for them."""
    if sys.platform == "win32":
        return 0
    import resource  # noqa: PLC0415 - there is none on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= wanted:
        allowed = max(soft, wanted) if soft != resource.RLIM_INFINITY else wanted
    else:
        allowed = hard
    if soft != resource.RLIM_INFINITY and allowed > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        except (OSError, ValueError):
            allowed = soft
    missing = max(0, wanted - allowed)
    if missing:
        _log.warning(
            "this process may open %d files, so it takes %d connections fewer than is set; "
            "raise `ulimit -n`, or lower TAILRACE_MAX_CONNECTIONS",
            allowed,
            missing,
        )
    return missing


def notice_the_dead(listener: socket.socket, within_s: float) -> None:
    """Let connections of `listener` end once their other side has been silent for `within_s`.

    Silent means: it does not even confirm that it got something, because it lost its power or its
    line. Accepted connections inherit what is set here.
    """
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    seconds = max(1, round(within_s / (_PROBES + 1)))
    for name, value in (
        ("TCP_KEEPIDLE", seconds),
        ("TCP_KEEPINTVL", seconds),
        ("TCP_KEEPCNT", _PROBES),
        ("TCP_USER_TIMEOUT", max(1, round(within_s * 1_000))),
    ):
        option: int | None = getattr(socket, name, None)  # not every system has every one
        if option is not None:
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
