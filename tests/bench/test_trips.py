import json

import pytest

from bench.trips import REQUESTS, UNSEEN_SHARE, batch_file, generate_columns, reference, requests_file
from core.models.trip_duration.features import PAIR, derive
from core.schemas.trip import TripRequest


def test_requests_are_valid_of_thousands_of_pairs_and_some_are_unseen() -> None:
    trips = [TripRequest.model_validate_json(line) for line in requests_file().read_text().splitlines()]

    assert len({trip.request_id for trip in trips}) == len(trips) == REQUESTS
    assert len({(trip.PULocationID, trip.DOLocationID) for trip in trips}) > 5000


def test_as_many_trips_are_of_unseen_pairs_as_in_real_life() -> None:
    known = reference().knows(derive(generate_columns(20_000))[PAIR])

    assert 1 - known.mean() == pytest.approx(UNSEEN_SHARE, abs=0.01)


def test_trips_are_the_same_each_time_and_others_for_another_seed() -> None:
    first, again, other = (generate_columns(100, seed=seed) for seed in (1, 1, 2))

    assert all((first[name] == again[name]).all() for name in first)
    assert not all((first[name] == other[name]).all() for name in first)


def test_a_batch_is_one_line_with_all_its_trips() -> None:
    [line] = batch_file(3).read_text().splitlines()

    assert len(json.loads(line)["trips"]) == 3
