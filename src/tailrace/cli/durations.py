"""Floor 7: durations as a person types them. Pure."""

import re
from datetime import timedelta
from typing import Final

from tailrace.errors import InvalidRequestError

_FORM: Final = re.compile(r"(\d{1,6})([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST: Final = timedelta(days=36_600)


def parse_duration(text: str) -> timedelta:
    """What `7d`, `12h`, `30m`, `2w` or `0s` says.

    Raises:
        InvalidRequestError: it is no duration, or longer than a hundred years.
    """
    found = _FORM.fullmatch(text.strip())
    length = found and timedelta(**{_UNITS[found[2]]: int(found[1])})
    if length is None or length > _LONGEST:
        msg = f"{text!r} is no duration; say for example 7d, 12h, 30m or 2w"
        raise InvalidRequestError(msg)
    return length
