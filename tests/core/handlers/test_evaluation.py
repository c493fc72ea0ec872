from datetime import timedelta

import numpy as np
import pytest

from core.handlers.evaluation import SMALLEST_SLICE, Champion, Predictions, compare, rmse, slices
from core.handlers.preparation import PREPARATIONS, prepare
from core.handlers.trip_slices import trip_slices
from tests.core.handlers.extracted import NOON, extracted, trip


class Anything:
    def transform(self, columns: object) -> object:
        return columns


CHAMPION = Champion(version="old", predictor=Anything(), training_sha256=frozenset("a"))


def predictions(rows: int = 4_000, *, bias: float = 0.5) -> Predictions:
    """Return a champion with errors, and a candidate that shares most of them and is off by ``bias``."""
    random = np.random.default_rng(7)
    truth, shared = random.uniform(1, 60, rows), random.normal(0, 6, rows)
    return Predictions(
        labels=truth,
        candidate=truth + shared + random.normal(bias, 1, rows),
        champion=truth + shared + random.normal(0, 1, rows),
    )


def test_the_difference_is_that_of_the_two_errors() -> None:
    given = predictions()
    comparison = compare(given, CHAMPION, tested={"b"})
    assert comparison is not None
    assert given.champion is not None
    ours, theirs = rmse(given.candidate - given.labels), rmse(given.champion - given.labels)
    assert comparison.difference == pytest.approx(ours - theirs)
    assert comparison.champion_rmse == theirs


def test_the_standard_error_is_what_drawing_the_trips_anew_shows() -> None:
    given, random = predictions(), np.random.default_rng(1)
    comparison = compare(given, CHAMPION, tested=set())
    assert comparison is not None
    assert given.champion is not None
    ours, theirs = given.candidate - given.labels, given.champion - given.labels
    draws = (random.integers(0, len(ours), len(ours)) for _ in range(400))
    drawn = [rmse(ours[rows]) - rmse(theirs[rows]) for rows in draws]
    assert comparison.standard_error == pytest.approx(np.std(drawn), rel=0.15)


def test_the_same_model_differs_by_nothing() -> None:
    given = predictions()
    same = Predictions(labels=given.labels, candidate=given.candidate, champion=given.candidate)
    comparison = compare(same, CHAMPION, tested=set())
    assert comparison is not None
    assert (comparison.difference, comparison.standard_error) == (0.0, 0.0)
    assert set(comparison.prediction_shift.values()) == {0.0}


@pytest.mark.parametrize(("tested", "unfair"), [({"a", "b"}, True), ({"b"}, False)])
def test_a_champion_that_learnt_from_the_test_files_is_marked(tested: set[str], unfair: bool) -> None:
    comparison = compare(predictions(), CHAMPION, tested=tested)
    assert comparison is not None
    assert comparison.champion_saw_test_data is unfair


def test_a_shift_of_all_predictions_shows_at_every_quantile() -> None:
    given = predictions()
    moved = Predictions(labels=given.labels, candidate=given.candidate + 2, champion=given.candidate)
    comparison = compare(moved, CHAMPION, tested=set())
    assert comparison is not None
    assert all(shift == pytest.approx(2) for shift in comparison.prediction_shift.values())


def test_slices_measure_their_own_trips_and_small_ones_are_left_out() -> None:
    rows = SMALLEST_SLICE
    trips = [trip(trip_distance=0.5)] * rows + [trip(trip_distance=10.0, pickup_at=NOON + timedelta(hours=3))] * rows
    prepared = prepare(extracted(*trips, trip(trip_distance=3.0)), PREPARATIONS["green"]).collect()
    errors = np.array([1.0] * rows + [3.0] * rows + [9.0])
    given = Predictions(labels=np.full(len(errors), 10.0), candidate=10.0 + errors, champion=None)
    found = slices(trip_slices(prepared, np.arange(len(errors)) < rows), given)
    assert {value: part.rmse for value, part in found["distance_miles"].items()} == {
        "0 to 1": 1.0,
        "10 and more": 3.0,
    }
    assert found["pickup_hour"]["15"].rows == rows
    assert found["zone_pair"]["seen"].rmse == 1.0
    assert [part.rows for part in found["boroughs"].values()] == [2 * rows + 1]
    assert found["zone_pair"]["seen"].champion_rmse is None
