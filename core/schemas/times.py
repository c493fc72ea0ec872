"""Times of day in New York: how a caller may write one, and the one way in which it travels.

Taxi meters write local time without an offset, and models learn from that: what counts is what the clock on the wall
says. So a time without an offset is New York local time, and one with an offset is converted to it.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, WithJsonSchema

ZONE_NAME = "America/New_York"
CANONICAL = "%Y-%m-%dT%H:%M:%S"
"""How a time travels and is stored: local, in whole seconds, without an offset."""
COMPLAINT = "a time like 2021-01-05T08:30:00, New York local time, or with an offset"

_CANONICAL_LENGTH = len("2021-01-05T08:30:00")
_WRITTEN = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:[0-5]\d|:60)?(?:[.,]\d+)?([Zz]|[+-]\d\d:\d\d)?", flags=re.ASCII
)


def new_york_time(text: str) -> str:
    """Return a time as it travels.

    Fractions of a second are dropped, and a leap second is the one before it. In the hour that is repeated in autumn,
    both passes have the same local time.

    Parameters
    ----------
    text : str
        ISO 8601 in its extended form: date, time to the minute or finer, and perhaps ``Z`` or an offset.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> new_york_time("2021-01-05T08:30")
    '2021-01-05T08:30:00'
    >>> new_york_time("2021-07-05T12:30:00Z")
    '2021-07-05T08:30:00'
    """
    parts = _WRITTEN.fullmatch(text)
    if parts is None:
        raise ValueError(f"not {COMPLAINT}")
    date, minute, second, offset = parts.groups(default="")
    try:
        moment = datetime.fromisoformat(f"{date}T{minute}{':59' if second == ':60' else second}{offset.upper()}")
        return (moment.astimezone(_zone()) if offset else moment).replace(tzinfo=None).isoformat()
    except (ValueError, OverflowError):
        raise ValueError(f"not {COMPLAINT}") from None


def is_canonical(value: object) -> bool:
    """Tell whether ``value`` is a time as it travels."""
    if type(value) is not str or len(value) != _CANONICAL_LENGTH:
        return False
    try:
        return datetime.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


@lru_cache(maxsize=1)
def _zone() -> ZoneInfo:
    return ZoneInfo(ZONE_NAME)


def _read(value: Any) -> str:  # noqa: ANN401 (whatever JSON holds)
    if not isinstance(value, str):
        raise ValueError(f"not {COMPLAINT}")  # noqa: TRY004 (what pydantic expects of a validator)
    return value if is_canonical(value) else new_york_time(value)


LocalTime = Annotated[str, BeforeValidator(_read), WithJsonSchema({"type": "string", "format": "date-time"})]
"""A field that holds a time as it travels, whichever way the caller wrote it."""
