from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from core.handlers.columns import check_columns, check_rows, column_rules
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
