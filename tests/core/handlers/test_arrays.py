from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from core.handlers.arrays import as_arrays
from core.handlers.columns import ColumnRule, check_rows, column_rules
from core.schemas.trip import TripRow

RULES = tuple(rule for rule in column_rules(TripRow) if isinstance(rule, ColumnRule))
good_rows = st.lists(
    st.tuples(st.integers(1, 265), st.integers(1, 265), st.one_of(st.floats(0, 500), st.integers(0, 500))),
    min_size=1,
    max_size=60,
)
odd_values = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.integers(-5, 600), st.floats(), st.integers(0, 300).map(float),
    st.lists(st.integers(), max_size=2), st.just(10**400), st.just(2**63),
)  # fmt: skip


def columns_of(rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {rule.name: [row[i] for row in rows] for i, rule in enumerate(RULES)}


@given(good_rows)
def test_good_columns_become_arrays_of_the_same_numbers(rows: list[tuple[Any, ...]]) -> None:
    columns = columns_of(rows)
    arrays = as_arrays(columns, RULES)
    assert arrays is not None
    assert [str(array.dtype) for array in arrays.values()] == ["int64", "int64", "float64"]
    assert {name: array.tolist() for name, array in arrays.items()} == columns


@given(good_rows, st.sampled_from(range(3)), st.integers(0), odd_values)
def test_with_one_odd_value_there_are_arrays_exactly_if_every_row_is_good_as_it_stands(
    rows: list[tuple[Any, ...]], column: int, place: int, value: Any
) -> None:
    columns = columns_of(rows)
    columns[RULES[column].name][place % len(rows)] = value
    arrays = as_arrays(columns, RULES)
    written_as_float = RULES[column].whole and type(value) is float
    assert (arrays is not None) == (not check_rows(columns, RULES) and not written_as_float)


def test_a_column_that_may_be_left_out_is_left_out() -> None:
    arrays = as_arrays({"trip_distance": [1.5]}, RULES)
    assert arrays is not None
    assert list(arrays) == ["trip_distance"]
    assert np.array_equal(arrays["trip_distance"], [1.5])


def test_times_become_datetimes_and_a_missing_one_is_not_a_time() -> None:
    times: list[Any] = ["2021-01-05T08:30:00", None]
    arrays = as_arrays({"pickup_datetime": times}, column_rules(TripRow))
    assert arrays is not None
    assert arrays["pickup_datetime"].dtype == np.dtype("datetime64[s]")
    assert arrays["pickup_datetime"].astype(str).tolist() == ["2021-01-05T08:30:00", "NaT"]


def test_a_time_that_does_not_travel_is_left_to_the_check_row_by_row() -> None:
    assert as_arrays({"pickup_datetime": ["2021-01-05T08:30"]}, column_rules(TripRow)) is None
