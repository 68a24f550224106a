"""Ground floor: the only makers of ids and secrets."""

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case, keeps order
_lock = threading.Lock()
_last_ms = 0
_last_random = 0
_RANDOM_BITS = 80

RUN_ID_LENGTH = 26


def _base32(value: int, length: int) -> str:
    return "".join(_ALPHABET[(value >> (5 * i)) & 31] for i in reversed(range(length)))


def new_run_id() -> str:
    """A run id: 26 URL-safe characters that sort by time, strictly within one process.

    Source: https://github.com/ulid/spec (monotonic form, lower case)
    """
    global _last_ms, _last_random  # noqa: PLW0603 - the monotonic form needs the last value
    with _lock:
        now_ms = time.time_ns() // 1_000_000
        if now_ms <= _last_ms:
            _last_random += 1
        else:
            _last_ms = now_ms
            _last_random = secrets.randbits(_RANDOM_BITS - 1)  # head room: +1 never overflows
        return _base32(_last_ms, 10) + _base32(_last_random, 16)


def is_run_id(text: str) -> bool:
    """Whether `text` could be one of our run ids."""
    return len(text) == RUN_ID_LENGTH and all(c in _ALPHABET for c in text)


def new_session_id() -> str:
    """A session id for a client that brought none."""
    return f"session_{secrets.token_hex(8)}"


def new_vault_source() -> str:
    """What a document that is written here has for a source: no path, and no two alike."""
    return f"vault:{secrets.token_hex(8)}"


def new_secret() -> str:
    """An unguessable token of 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def new_request_id() -> str:
    """An id for one question of a run to its user."""
    return secrets.token_hex(8)
