"""Periods as people write them: ``2026-11``, ``2026-11-20``, ``2026-11-20..2026-11-21T12:30``; in UTC."""

import calendar
import re
from datetime import UTC, datetime, timedelta

from core.utilities.errors import DataError

_MONTH, _DATE = re.compile(r"\d{4}-\d\d"), re.compile(r"\d{4}-\d\d-\d\d")


def parse_period(text: str) -> tuple[datetime, datetime]:
    """Return the moments at which a period begins and ends.

    Parameters
    ----------
    text : str
        A month or a date, which is the whole of it, or two of months, dates and times with ``..`` between them; where a
        month or a date is the end, it is in the period. Times without a zone are in UTC.

    Raises
    ------
    DataError
        If it is no period, or an empty one.

    Examples
    --------
    >>> [f"{moment:%d %H:%M}" for moment in parse_period("2026-11-20..2026-11-21")]
    ['20 00:00', '22 00:00']
    >>> [f"{moment:%m-%d}" for moment in parse_period("2026-11")]
    ['11-01', '12-01']
    """
    first, dots, last = text.partition("..")
    last = last if dots else first
    start, end = _moment(first), _moment(last)
    try:
        end += _length(last, end)
        start, end = start.astimezone(UTC), end.astimezone(UTC)
    except OverflowError as error:
        raise DataError(f"{text} leaves the calendar, whose last whole day is 9999-12-30") from error
    if end <= start:
        raise DataError(f"{text} ends before it begins")
    return start, end


def _length(text: str, start: datetime) -> timedelta:
    """Return how long what is written lasts: a time is a moment."""
    if _MONTH.fullmatch(text):
        return timedelta(days=calendar.monthrange(start.year, start.month)[1])
    return timedelta(days=1 if _DATE.fullmatch(text) else 0)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(f"{text}-01" if _MONTH.fullmatch(text) else text)
    except ValueError as error:
        raise DataError(f"{text!r} is no month, date or time: 2026-11, 2026-11-20, 2026-11-20T12:30") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
