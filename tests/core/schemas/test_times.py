from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.schemas.times import CANONICAL, is_canonical, new_york_time
from core.schemas.trip import TripRow

TRIP = {"PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("2021-01-05T08:30:00", "2021-01-05T08:30:00"),
        ("2021-01-05T08:30", "2021-01-05T08:30:00"),
        ("2021-01-05 08:30:59.999999999", "2021-01-05T08:30:59"),
        ("2021-01-05T13:30:00Z", "2021-01-05T08:30:00"),
        ("2021-07-05T12:30:00+00:00", "2021-07-05T08:30:00"),
        ("2021-01-05T08:30:00-05:00", "2021-01-05T08:30:00"),
        ("2021-01-05t23:00:00+09:00", "2021-01-05T09:00:00"),
        ("2020-12-31T23:59:60Z", "2020-12-31T18:59:59"),
    ],
)
def test_a_time_becomes_new_york_local_time(written: str, local: str) -> None:
    assert new_york_time(written) == local
    assert TripRow.model_validate({**TRIP, "pickup_datetime": written}).pickup_datetime == local


@pytest.mark.parametrize(
    "written",
    ["", "2021-01-05", "08:30", "2021-13-05T08:30:00", "2021-02-30T08:30:00", "2021-01-05T25:00:00", "1609835400", "now",
     "2021-01-05T08:30:00+99:00", "20210105T083000", "2021-W01-1T08:30:00", "0001-01-01T00:00:00Z", "\uff12021-01-05T08:30"],
)  # fmt: skip
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not a time like"):
        new_york_time(written)


@pytest.mark.parametrize("value", [1609835400, 1.5, True, [], {}])
def test_a_time_is_a_text(value: object) -> None:
    with pytest.raises(ValueError, match="not a time like"):
        TripRow.model_validate({**TRIP, "pickup_datetime": value})


def test_null_is_the_same_as_no_time() -> None:
    assert TripRow.model_validate({**TRIP, "pickup_datetime": None}).pickup_datetime is None
    assert TripRow.model_validate(TRIP).pickup_datetime is None


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001 (the zone is another parameter)
    st.integers(-14 * 60, 14 * 60),
)
def test_an_offset_is_converted_as_the_zone_says(moment: datetime, offset_min: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    wanted = aware.astimezone(ZoneInfo("America/New_York")).replace(microsecond=0, tzinfo=None).isoformat()
    assert new_york_time(aware.isoformat()) == wanted
    assert new_york_time(aware.astimezone(UTC).isoformat()) == wanted


@given(st.datetimes(datetime(1000, 1, 1)))  # noqa: DTZ001 (local time)
def test_what_travels_is_canonical_and_stays_as_it_is(moment: datetime) -> None:
    text = moment.strftime(CANONICAL)
    assert is_canonical(text)
    assert new_york_time(text) == text


@pytest.mark.parametrize(
    "value",
    [None, 3, "2021-01-05T08:30", "2021-01-05 08:30:00", "2021-W01-1T08:30:00", "2021-02-30T08:30:00", "x" * 19],
)
def test_nothing_else_is_canonical(value: object) -> None:
    assert not is_canonical(value)
