"""Periods as people write them: ``2026-11-20``, ``2026-11-20..2026-11-21T12:30``; in UTC."""

from datetime import UTC, datetime, timedelta

from core.utilities.errors import DataError

_DATE_LENGTH = len("2026-11-20")


def parse_period(text: str) -> tuple[datetime, datetime]:
    """Return the moments at which a period begins and ends.

    Parameters
    ----------
    text : str
        A date, which is the whole of that day, or two of dates and times with ``..`` between them; where a date is the
        end, that day is in it. Times without a zone are in UTC.

    Raises
    ------
    DataError
        If it is no period, or an empty one.

    Examples
    --------
    >>> [f"{moment:%d %H:%M}" for moment in parse_period("2026-11-20..2026-11-21")]
    ['20 00:00', '22 00:00']
    """
    first, dots, last = text.partition("..")
    last = last if dots else first
    start, end = _moment(first), _moment(last)
    try:
        if len(last) == _DATE_LENGTH:
            end += timedelta(days=1)
        start, end = start.astimezone(UTC), end.astimezone(UTC)
    except OverflowError as error:
        raise DataError(f"{text} leaves the calendar, whose last whole day is 9999-12-30") from error
    if end <= start:
        raise DataError(f"{text} ends before it begins")
    return start, end


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{text!r} is no date or time, such as 2026-11-20 or 2026-11-20T12:30") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
