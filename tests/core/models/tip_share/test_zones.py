import numpy as np
import pytest

from core.models.tip_share.features import BAND, DROPOFF, PICKUP, derive
from core.models.tip_share.zones import SHRINKAGE_ROWS, ZoneTips

ROWS = 20_000
RANDOM = np.random.default_rng(5)
COLUMNS = derive(
    {
        "PULocationID": RANDOM.integers(1, 20, ROWS),
        "DOLocationID": RANDOM.integers(1, 20, ROWS),
        "fare_amount": RANDOM.uniform(3, 60, ROWS),
    }
)
SHARES = 0.1 + 0.005 * COLUMNS[PICKUP] + 0.002 * COLUMNS[DROPOFF] - 0.01 * COLUMNS[BAND]
MODEL = ZoneTips.fit(COLUMNS, SHARES)


def test_effects_that_add_up_are_found() -> None:
    assert np.abs(MODEL.transform(COLUMNS) - SHARES).max() < 0.01


def test_a_zone_that_training_never_saw_adds_nothing() -> None:
    row = derive({"PULocationID": [200], "DOLocationID": [201], "fare_amount": [14.0]})
    assert MODEL.transform(row).tolist() == [MODEL.mean + MODEL.band[3]]


def test_a_zone_with_few_rows_stays_close_to_the_mean() -> None:
    columns = derive({"PULocationID": [1] * 1000 + [2], "DOLocationID": [3] * 1001, "fare_amount": [10.0] * 1001})
    model = ZoneTips.fit(columns, np.array([0.2] * 1000 + [1.0]))
    assert model.pickup[2] == pytest.approx(0.8 / (1 + SHRINKAGE_ROWS), rel=0.01)


def test_fitting_twice_gives_the_same_bits() -> None:
    again = ZoneTips.fit(COLUMNS, SHARES)
    assert again.transform(COLUMNS).tolist() == MODEL.transform(COLUMNS).tolist()
