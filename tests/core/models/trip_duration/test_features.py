import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.models.trip_duration.features import DISTANCE, DROPOFF, PAIR, PICKUP, ZONES, derive, pair_names, zones_of

zone_lists = st.lists(st.tuples(st.integers(1, ZONES), st.integers(1, ZONES)), min_size=1, max_size=20)


def test_a_pair_is_named_by_its_zones() -> None:
    assert pair_names([130, 1], [205, 2]) == ["130_205", "1_2"]


def test_zones_that_are_whole_floats_are_named_like_integers() -> None:
    features = derive({PICKUP: [130.0, 7], DROPOFF: [205, 8.0], DISTANCE: [3, 1.5]})
    assert features[PAIR].tolist() == ["130_205", "7_8"]
    assert features[DISTANCE].tolist() == [3.0, 1.5]


@given(zone_lists)
def test_the_zones_can_be_read_back_from_the_names(zones: list[tuple[int, int]]) -> None:
    pickup, dropoff = zones_of(pair_names(*zip(*zones, strict=True)))
    assert list(zip(pickup.tolist(), dropoff.tolist(), strict=True)) == zones


@given(zone_lists)
def test_every_derived_column_has_one_entry_a_row(zones: list[tuple[int, int]]) -> None:
    pickup, dropoff = zip(*zones, strict=True)
    features = derive({PICKUP: pickup, DROPOFF: dropoff, DISTANCE: [1.0] * len(zones)})
    assert {column.shape for column in features.values()} == {(len(zones),)}
    assert features[PICKUP].dtype == np.int64


@pytest.mark.parametrize("name", ["130", "130_205_1", "0_1", "1_266", "a_b", "1.0_2.0", "²_1", "_", "-1_2"])
def test_a_name_that_is_no_zone_pair_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="zone pair"):
        zones_of([name])
