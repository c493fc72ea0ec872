from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.handlers.zone_centroids import zone_centroids
from core.models.trip_duration.features import PICKUP
from core.models.trip_duration.geometry import COLUMNS, time_matrix, trip_matrix, zone_places

PLACES = zone_places(zone_centroids())
JFK, TIMES_SQUARE, UNKNOWN = 132, 230, 264


def trip(pickup: int, dropoff: int, miles: float) -> dict[str, float]:
    row = trip_matrix(np.array([pickup]), np.array([dropoff]), np.array([miles]), PLACES)[0]
    return dict(zip(COLUMNS, row.tolist(), strict=True))


def test_the_way_from_jfk_to_times_square_is_thirteen_miles_as_the_crow_flies() -> None:
    row = trip(JFK, TIMES_SQUARE, 17.5)
    assert row[PICKUP] == JFK
    assert row["air_miles"] == pytest.approx(13.3, abs=0.5)
    assert row["extra_miles"] == pytest.approx(17.5 - row["air_miles"])
    assert row["detour"] == pytest.approx(17.5 / row["air_miles"])


def test_turning_the_map_keeps_distances() -> None:
    row = trip(JFK, TIMES_SQUARE, 17.5)
    for angle in (0, 29, 60):
        across = row[f"across_y_{angle}"], row[f"across_x_{angle}"]
        assert np.hypot(*across) == pytest.approx(row["air_miles"])
        assert row[f"blocks_{angle}"] == pytest.approx(abs(across[0]) + abs(across[1]))


def test_the_avenues_of_manhattan_run_along_one_axis() -> None:
    row = trip(13, 263, 9.0)  # from Battery Park City to the Upper East Side
    assert abs(row["across_x_29"]) < 0.2 * abs(row["across_y_29"])


def test_what_is_not_known_is_missing_and_not_zero() -> None:
    row = trip(JFK, UNKNOWN, 0.0)
    assert np.isnan([row["miles"], row["air_miles"], row["detour"], row["dropoff_y_0"], row["middle_x"]]).all()
    assert not np.isnan([row[PICKUP], row["pickup_y_0"]]).any()


def test_every_zone_but_the_unknown_ones_has_a_place_in_the_city() -> None:
    centroids = zone_centroids()
    assert np.flatnonzero(np.isnan(centroids[:, 0])).tolist() == [0, 264, 265]
    assert ((centroids[1:264] > [40.4, -74.3]) & (centroids[1:264] < [41.0, -73.6])).all()


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 (local time)
def test_hour_and_weekday_are_those_of_the_calendar(moment: datetime) -> None:
    seconds = int(moment.replace(tzinfo=UTC, microsecond=0).timestamp())
    hour, weekday = time_matrix(np.array([seconds]))[0].tolist()
    assert (hour, weekday) == ((moment.hour * 60 + moment.minute) / 60, moment.weekday())
