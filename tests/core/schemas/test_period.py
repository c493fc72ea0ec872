from datetime import UTC, datetime

import pytest

from core.schemas.period import parse_period
from core.utilities.errors import DataError


def moment(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-20", (moment(20), moment(21))),
        ("2026-11-20..2026-11-21", (moment(20), moment(22))),
        ("2026-11-20T12:30..2026-11-20T13:00", (moment(20, 12, 30), moment(20, 13))),
        ("2026-11-20T12:30+02:00..2026-11-20", (moment(20, 10, 30), moment(21))),
        ("2026-11", (moment(1), datetime(2026, 12, 1, tzinfo=UTC))),
        ("2026-11-20..2026-12", (moment(20), datetime(2027, 1, 1, tzinfo=UTC))),
        ("2024-02..2024-02-29", (datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC))),
    ],
)
def test_months_and_dates_are_whole_and_times_are_moments(text: str, wanted: tuple[datetime, datetime]) -> None:
    assert parse_period(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-20..",
        "..2026-11-20",
        "2026-11-21..2026-11-20",
        "2026-11-31",
        "2026-13",
        "2026",
        "9999-12",
        "2026-11-20..9999-12-31",
        "0001-01-01T00:00+14:00..2026-11-20",
    ],
)
def test_what_is_no_period_is_told(text: str) -> None:
    with pytest.raises(DataError):
        parse_period(text)
