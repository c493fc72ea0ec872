import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.models.trip_duration.fallback import LONGEST_MIN, SHORTEST_MIN, ZoneFallback, curve_terms, zone_terms
from core.models.trip_duration.features import DISTANCE, DROPOFF, PICKUP, ZONES, FloatArray
from tests.core.models.trip_duration.trips import made_up_trips

COLUMNS, MINUTES = made_up_trips(2000)
FALLBACK = ZoneFallback.fit(COLUMNS[PICKUP], COLUMNS[DROPOFF], COLUMNS[DISTANCE], MINUTES)


def predict(pickup: int, dropoff: int, distance: float, *, fallback: ZoneFallback = FALLBACK) -> FloatArray:
    return fallback.transform(np.array([pickup]), np.array([dropoff]), np.array([distance]))


@given(st.integers(1, ZONES), st.integers(1, ZONES), st.floats(0, 500))
def test_every_answer_lies_in_the_range_of_the_training_data(pickup: int, dropoff: int, distance: float) -> None:
    assert SHORTEST_MIN <= predict(pickup, dropoff, distance)[0] <= LONGEST_MIN


def test_a_longer_trip_takes_longer() -> None:
    assert predict(3, 130, 6.0)[0] > predict(3, 130, 2.0)[0] + 10


def test_the_zones_matter() -> None:
    # Zone 12 adds 3.3 minutes more than zone 1 in the made-up trips; shrinkage takes some of it.
    assert 1.0 < predict(12, 205, 5.0)[0] - predict(1, 205, 5.0)[0] < 4.0


def test_unseen_zones_are_answered_by_the_distance_alone() -> None:
    assert predict(200, 201, 5.0)[0] == predict(250, 251, 5.0)[0]


@given(st.lists(st.tuples(st.integers(1, ZONES), st.integers(1, ZONES), st.one_of(st.just(0.0), st.floats(0, 500)))))
def test_the_answer_is_that_of_the_terms_and_coefficients_bit_for_bit(rows: list[tuple[int, int, float]]) -> None:
    pickup, dropoff = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(2))
    distance = np.array([row[2] for row in rows], dtype=np.float64)
    zones = FALLBACK.pickup[pickup] + FALLBACK.dropoff[dropoff]
    minutes = FALLBACK.intercept + (zones * zone_terms(distance)).sum(axis=1)
    minutes += (curve_terms(distance) * FALLBACK.curve).sum(axis=1)
    assert FALLBACK.transform(pickup, dropoff, distance).tolist() == minutes.clip(SHORTEST_MIN, LONGEST_MIN).tolist()


def test_a_row_is_answered_alike_alone_and_in_a_batch() -> None:
    batch = FALLBACK.transform(COLUMNS[PICKUP], COLUMNS[DROPOFF], COLUMNS[DISTANCE])
    alone = [predict(*row)[0] for row in zip(COLUMNS[PICKUP], COLUMNS[DROPOFF], COLUMNS[DISTANCE], strict=True)]
    assert batch.tolist() == alone


def test_a_fallback_from_coefficients_adds_up_the_effects_of_both_zones() -> None:
    pickup, dropoff = (grid.ravel() for grid in np.meshgrid(np.arange(1, 31), np.arange(1, 31)))
    fallback = ZoneFallback.from_coefficients(pickup, dropoff, 0.5 * pickup - 0.2 * dropoff, intercept=10.0, slope=1.0)
    assert abs(predict(20, 5, 4.0, fallback=fallback)[0] - (10.0 + 10.0 - 1.0 + 4.0)) < 2.0
    assert abs(predict(2, 30, 4.0, fallback=fallback)[0] - (10.0 + 1.0 - 6.0 + 4.0)) < 2.0
