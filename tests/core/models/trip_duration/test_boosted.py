import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from config import ROOT
from core.handlers.zone_centroids import zone_centroids
from core.managers.artifacts import find_champion, load_version
from core.models.trip_duration import boosted
from core.models.trip_duration.boosted import BoostedTrips
from core.models.trip_duration.features import DISTANCE, DROPOFF, PICKUP, PICKUP_TIME, FloatArray
from core.models.trip_duration.geometry import COLUMNS, TIME_COLUMNS
from core.models.trip_duration.trees import Growth
from core.schemas.catalog import TRIP_DURATION
from core.utilities.array_device import ArrayDevice
from tests.devices import numpy_device, strict_device

GROWTH = Growth(trees=40, leaves=15, leaf_rows=5, learning_rate=0.2)
Columns = dict[str, NDArray[Any]]


def trips(rows: int = 3000) -> tuple[Columns, FloatArray]:
    """Trips between zones 1..40: 4 minutes a mile, and 8 minutes more from noon on."""
    random = np.random.default_rng(5)
    columns: Columns = {
        PICKUP: random.integers(1, 41, rows).astype(np.int16),
        DROPOFF: random.integers(1, 41, rows).astype(np.int16),
        DISTANCE: random.uniform(0.5, 9.0, rows),
        PICKUP_TIME: np.datetime64("2021-01-01", "s") + random.integers(0, 86_400 * 28, rows),
    }
    hours = columns[PICKUP_TIME].astype(np.int64) // 3600 % 24
    return columns, 3.0 + 4.0 * columns[DISTANCE] + 8.0 * (hours >= 12)


COLUMNS_OF_TRIPS, MINUTES = trips()
UNTIMED = {name: values for name, values in COLUMNS_OF_TRIPS.items() if name != PICKUP_TIME}


def fitted(chunk_rows: int = boosted.CHUNK_ROWS) -> BoostedTrips:
    return BoostedTrips.fit(
        COLUMNS_OF_TRIPS, MINUTES, centroids=zone_centroids(), untimed=GROWTH, timed=GROWTH, chunk_rows=chunk_rows
    )


@pytest.fixture(scope="module")
def model() -> BoostedTrips:
    return fitted()


def rmse(minutes: FloatArray) -> float:
    return float(np.sqrt(np.mean((minutes - MINUTES) ** 2)))


def test_the_time_makes_the_answer_better(model: BoostedTrips) -> None:
    assert 3.0 < rmse(model.transform(UNTIMED)) < 4.2
    assert rmse(model.transform(COLUMNS_OF_TRIPS)) < 1.0


def test_a_trip_without_a_time_is_answered_alike_beside_trips_that_have_one(model: BoostedTrips) -> None:
    times = COLUMNS_OF_TRIPS[PICKUP_TIME].copy()
    times[::3] = np.datetime64("NaT")
    mixed = model.transform({**COLUMNS_OF_TRIPS, PICKUP_TIME: times})
    assert mixed[::3].tolist() == model.transform(UNTIMED)[::3].tolist()
    assert mixed[1::3].tolist() == model.transform(COLUMNS_OF_TRIPS)[1::3].tolist()


def test_a_column_of_missing_times_is_no_column(model: BoostedTrips) -> None:
    times = np.full(len(MINUTES), "NaT", dtype="datetime64[s]")
    assert model.transform({**UNTIMED, PICKUP_TIME: times}).tolist() == model.transform(UNTIMED).tolist()


def test_many_rows_are_answered_in_blocks_as_few_are(model: BoostedTrips, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = model.transform(COLUMNS_OF_TRIPS).tolist()
    monkeypatch.setattr(boosted, "BLOCK_ROWS", 700)
    assert model.transform(COLUMNS_OF_TRIPS).tolist() == whole


def test_no_rows_have_no_answers(model: BoostedTrips) -> None:
    for columns in (UNTIMED, COLUMNS_OF_TRIPS):
        assert model.transform({name: values[:0] for name, values in columns.items()}).tolist() == []


def test_fitting_twice_gives_the_same_bytes(model: BoostedTrips) -> None:
    assert pickle.dumps(fitted()) == pickle.dumps(model)


@pytest.mark.parametrize("chunk_rows", [1500, 400])
def test_chunk_by_chunk_it_learns_nearly_as_well_with_as_many_trees(model: BoostedTrips, chunk_rows: int) -> None:
    chunked = fitted(chunk_rows)
    assert len(chunked.timed.nodes) == len(model.timed.nodes) == GROWTH.trees
    assert rmse(chunked.transform(COLUMNS_OF_TRIPS)) < 1.5
    assert 3.0 < rmse(chunked.transform(UNTIMED)) < 4.6
    assert pickle.dumps(fitted(chunk_rows)) == pickle.dumps(chunked)


def test_it_remembers_the_pairs_that_it_saw(model: BoostedTrips) -> None:
    assert model.knows(COLUMNS_OF_TRIPS[PICKUP], COLUMNS_OF_TRIPS[DROPOFF]).all()
    assert model.knows(np.array([1, 265, 200]), np.array([200, 265, 1])).tolist() == [False] * 3


def test_its_matrix_has_all_that_the_trees_look_at(model: BoostedTrips) -> None:
    assert model.matrix(COLUMNS_OF_TRIPS).shape == (len(MINUTES), len(COLUMNS) + len(TIME_COLUMNS))
    assert np.isnan(model.matrix(UNTIMED)[:, -2:]).all()
    assert not np.isnan(model.matrix(COLUMNS_OF_TRIPS)[:, -2:]).any()


def test_a_copy_that_went_through_pickle_answers_the_same(model: BoostedTrips) -> None:
    again = pickle.loads(pickle.dumps(model))
    assert again.transform(COLUMNS_OF_TRIPS).tolist() == model.transform(COLUMNS_OF_TRIPS).tolist()
    assert again.knows(np.array([1]), np.array([200])).tolist() == [False]


def test_parts_of_another_design_are_refused(model: BoostedTrips) -> None:
    with pytest.raises(ValueError, match="not of this design"):
        BoostedTrips(model.places[:5], model.untimed, model.timed, np.zeros(8845, dtype=np.uint8))
    with pytest.raises(ValueError, match="not of this design"):
        BoostedTrips(model.places, model.timed, model.timed, np.zeros(8845, dtype=np.uint8))


def test_its_weights_tell_what_the_trees_rest_on(model: BoostedTrips) -> None:
    weights = model.weights()
    for kind in ("untimed", "timed"):
        assert sum(share for name, share in weights.items() if name.startswith(f"{kind} ")) == pytest.approx(1.0)
    assert weights["timed hour"] > 0.05
    assert "untimed hour" not in weights


@pytest.mark.parametrize("device", [numpy_device(), strict_device()], ids=lambda device: device.name)
def test_it_says_on_a_device_what_it_says_here_bit_for_bit(device: ArrayDevice) -> None:
    model = fitted()
    there = model.on_device(device)
    some_without_time = {**COLUMNS_OF_TRIPS, PICKUP_TIME: COLUMNS_OF_TRIPS[PICKUP_TIME].copy()}
    some_without_time[PICKUP_TIME][::3] = np.datetime64("NaT")
    for columns in (COLUMNS_OF_TRIPS, UNTIMED, some_without_time):
        assert there.transform(columns).tobytes() == model.transform(columns).tobytes()


@pytest.mark.slow
def test_the_shipped_champion_says_on_a_device_what_it_says_here_of_a_hundred_thousand_trips() -> None:
    model = load_version(find_champion(ROOT / "repo" / "models", TRIP_DURATION.model), entry=TRIP_DURATION).predictor
    assert isinstance(model, BoostedTrips)
    random, rows = np.random.default_rng(11), 100_000
    miles = np.where(random.random(rows) < 0.05, 0.0, random.exponential(3.0, rows).round(2))
    times = np.datetime64("2021-02-01", "s") + random.integers(0, 86_400 * 28, rows)
    times[random.random(rows) < 0.5] = np.datetime64("NaT")
    pickup, dropoff = random.integers(1, 266, rows), random.integers(1, 266, rows)
    columns = {PICKUP: pickup, DROPOFF: dropoff, DISTANCE: miles, PICKUP_TIME: times}
    assert model.on_device(numpy_device()).transform(columns).tobytes() == model.transform(columns).tobytes()
