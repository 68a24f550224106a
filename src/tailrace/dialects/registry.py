"""Floor 1: the dialects there are, by name; the only module that names a concrete one."""

from collections.abc import Callable, Mapping
from typing import Final

from tailrace.dialects.base import Dialect
from tailrace.dialects.native import NativeDialect
from tailrace.dialects.seed import SeedDialect
from tailrace.errors import InvalidRequestError

_DIALECTS: Final[Mapping[str, Callable[[], Dialect]]] = {
    NativeDialect.name: NativeDialect,
    SeedDialect.name: SeedDialect,
}

DIALECT_NAMES: Final = tuple(_DIALECTS)


def open_dialect(name: str) -> Dialect:
    """A new dialect for one viewer.

    Raises:
        InvalidRequestError: there is none of that name; the message lists those there are.
    """
    make = _DIALECTS.get(name)
    if make is None:
        msg = f"there is no dialect {name[:40]!r}; use one of: {', '.join(DIALECT_NAMES)}"
        raise InvalidRequestError(msg)
    return make()
