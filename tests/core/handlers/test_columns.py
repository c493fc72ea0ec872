from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from core.handlers.columns import LARGE, ColumnRule, check_columns, check_rows, column_rules
from core.schemas.outcome import RowErrorCode
from core.schemas.trip import TripRow
from core.utilities.errors import FeatureError

RULES = column_rules(TripRow)
GOOD: dict[str, Any] = {"PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}
json_values = st.one_of(
    st.none(), st.booleans(), st.text(max_size=5), st.integers(), st.integers(-5, 600), st.floats(), st.floats(-1, 600),
    st.integers(0, 300).map(float), st.lists(st.integers(), max_size=2), st.just(10**400),
)  # fmt: skip


def pydantic_accepts(row: dict[str, Any]) -> bool:
    try:
        TripRow.model_validate(row)
    except ValidationError:
        return False
    return True


@given(st.sampled_from(sorted(GOOD)), json_values)
def test_the_rules_accept_exactly_what_the_row_schema_accepts(name: str, value: Any) -> None:
    row = {**GOOD, name: value}
    assert (not check_rows({key: [item] for key, item in row.items()}, RULES)) == pydantic_accepts(row)


@given(st.sampled_from(RULES[:3]), st.lists(st.one_of(st.integers(1, 265), json_values), max_size=2 * LARGE))
def test_a_column_is_accepted_as_a_whole_exactly_if_each_value_is(rule: ColumnRule, values: list[Any]) -> None:
    assert rule.accepts_all(values) == all(rule.accepts(value) for value in values)


@given(st.integers(0, 2 * LARGE), st.lists(json_values, max_size=3))
def test_large_batches_are_checked_as_small_ones_are(good: int, odd: list[Any]) -> None:
    values = [float(number) for number in range(good)] + odd
    columns = {"PULocationID": [1] * len(values), "DOLocationID": [2] * len(values), "trip_distance": values}
    alone = {
        index: error
        for index in range(len(values))
        for error in check_rows({name: [column[index]] for name, column in columns.items()}, RULES).values()
    }
    assert check_rows(columns, RULES) == alone


@pytest.mark.parametrize("place", [0, 1, -1])
def test_a_nan_is_found_wherever_it_stands(place: int) -> None:
    values = [float(number) for number in range(LARGE)]
    values[place] = float("nan")
    assert not RULES[2].accepts_all(values)


def test_an_error_names_the_first_wrong_column_and_not_the_value() -> None:
    errors = check_rows({"PULocationID": [1, 0], "DOLocationID": [2, 2], "trip_distance": [1.0, "secret"]}, RULES)
    assert list(errors) == [1]
    assert errors[1].code is RowErrorCode.INVALID_ROW
    assert errors[1].detail == "PULocationID: not an integer of 1..265"


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"PULocationID": [1], "DOLocationID": [2]},
        {"PULocationID": [1], "DOLocationID": [2], "trip_distance": [1.0], "hour": [3]},
        {"PULocationID": [1, 2], "DOLocationID": [2], "trip_distance": [1.0]},
    ],
    ids=["none", "missing", "unknown", "ragged"],
)
def test_columns_that_are_not_the_models_are_refused(columns: dict[str, list[object]]) -> None:
    with pytest.raises(FeatureError):
        check_columns(columns, RULES)


def test_the_models_columns_pass_in_any_order() -> None:
    check_columns({name: [1] for name in reversed(GOOD)}, RULES)


def test_a_field_without_a_range_has_no_rule() -> None:
    class Row(BaseModel):
        colour: str

    with pytest.raises(TypeError, match="colour"):
        column_rules(Row)


TIME = RULES[3]


def test_the_column_that_a_row_may_leave_out_may_be_missing_as_a_whole_and_row_by_row() -> None:
    columns = {name: [value] * 2 for name, value in GOOD.items()}
    check_columns(columns, RULES)
    assert check_rows(columns, RULES) == {}
    assert check_rows({**columns, TIME.name: [None, "2021-01-05T08:30:00"]}, RULES) == {}


@given(st.lists(st.one_of(st.just("2021-01-05T08:30:00"), json_values), max_size=2 * LARGE))
def test_a_column_of_times_holds_local_times_as_they_travel(values: list[Any]) -> None:
    assert TIME.accepts_all(values) == all(value in {None, "2021-01-05T08:30:00"} for value in map(_hashable, values))


def test_a_wrong_time_is_told_what_a_time_is() -> None:
    errors = check_rows({**{name: [value] for name, value in GOOD.items()}, TIME.name: ["08:30"]}, RULES)
    assert errors[0].detail.startswith("pickup_datetime: not a time like 2021-01-05T08:30:00")


def _hashable(value: Any) -> Any:
    return str(value) if isinstance(value, list) else value
