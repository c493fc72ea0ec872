import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from apps.api.errors import InvalidBodyError
from apps.api.rows import MAX_FAULTS_A_ROW, SLICE_ROWS, CheckedRows, RowChecker
from core.schemas.catalog import TRIP_DURATION
from core.schemas.trip import TripRow

CHECKER = RowChecker(TRIP_DURATION)
GOOD: dict[str, Any] = {"PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}
values = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.integers(-5, 600), st.floats(-1, 600),
    st.integers(0, 300).map(float), st.lists(st.integers(), max_size=2),
)  # fmt: skip
odd_rows = st.one_of(
    values,
    st.dictionaries(st.sampled_from([*GOOD, "tip"]), values),
    st.fixed_dictionaries(dict.fromkeys(GOOD, values)),
)


async def check(text: str | bytes) -> CheckedRows:
    """Check the rows of a body."""
    body = text.encode() if isinstance(text, str) else text
    content = json.loads(body)
    return await CHECKER.check(content["trips"], body=body, request_id=content["request_id"])


def body_of(rows: list[Any], request_id: str = "r") -> bytes:
    return json.dumps({"request_id": request_id, "trips": rows}).encode()


def is_valid(row: Any) -> bool:
    try:
        TripRow.model_validate(row)
    except ValidationError:
        return False
    return True


async def test_good_rows_become_columns_in_their_order() -> None:
    rows = [GOOD | {"trip_distance": miles} for miles in (1.0, 2, 3.5)]
    checked = await check(body_of(rows))
    assert checked.columns == {
        "PULocationID": [130] * 3,
        "DOLocationID": [205] * 3,
        "trip_distance": [1.0, 2, 3.5],
    }
    assert (list(checked.places), checked.faults) == ([0, 1, 2], {})


async def test_a_row_may_have_its_fields_in_any_order() -> None:
    checked = await check(body_of([GOOD, dict(reversed(GOOD.items()))]))
    assert checked.columns["PULocationID"] == [130, 130]


@given(st.lists(st.one_of(st.just(GOOD), odd_rows), min_size=1, max_size=12))
def test_a_row_passes_exactly_if_it_would_pass_alone(rows: list[Any]) -> None:
    checked = asyncio.run(check(body_of(rows)))
    valid = [index for index, row in enumerate(rows) if is_valid(row)]
    assert list(checked.places) == valid
    assert sorted(checked.faults) == [index for index in range(len(rows)) if index not in valid]
    for name, column in checked.columns.items():
        assert column == [rows[index][name] for index in valid]


async def test_a_fault_says_where_and_what() -> None:
    checked = await check(body_of([GOOD, GOOD | {"PULocationID": 0}, {**GOOD, "tip": 1}, {}, "trip"]))
    assert list(checked.places) == [0]
    assert checked.faults[1] == [
        {"loc": ["body", "trips", 1, "PULocationID"], "msg": "Input should be greater than or equal to 1"}
    ]
    assert checked.faults[2] == [{"loc": ["body", "trips", 2, "tip"], "msg": "Extra inputs are not permitted"}]
    assert [fault["loc"][-1] for fault in checked.faults[3]] == list(GOOD)
    assert checked.faults[4] == [{"loc": ["body", "trips", 4], "msg": "Input should be an object"}]


async def test_a_row_with_a_field_twice_fails_alone() -> None:
    twice = json.dumps(GOOD).replace("{", '{"trip_distance": 1, ')
    checked = await check(f'{{"request_id": "r", "trips": [{json.dumps(GOOD)}, {twice}]}}')
    assert list(checked.places) == [0]
    assert checked.faults == {1: [{"loc": ["body", "trips", 1, "trip_distance"], "msg": "Field given twice"}]}


async def test_a_field_twice_is_found_beside_a_row_that_lacks_one() -> None:
    twice = json.dumps(GOOD).replace("{", '{"trip_distance": 1, ')
    checked = await check(f'{{"request_id": "r", "trips": [{{}}, {twice}]}}')
    assert sorted(checked.faults) == [0, 1]


@pytest.mark.parametrize("name", ["request_id", "trips"])
async def test_an_envelope_with_a_field_twice_is_refused(name: str) -> None:
    body = body_of([GOOD]).replace(b"{", b'{"%s":[],' % name.encode(), 1)
    with pytest.raises(InvalidBodyError) as refusal:
        await check(body)
    assert refusal.value.items == [{"loc": ["body", name], "msg": "Field given twice"}]


async def test_colons_in_the_request_id_are_no_fields() -> None:
    assert not (await check(body_of([GOOD], request_id="a:b::c"))).faults


async def test_a_row_with_thousands_of_faults_has_one() -> None:
    crowd = GOOD | {str(number): 1 for number in range(5000)}
    checked = await check(body_of([crowd]))
    assert checked.faults == {0: [{"loc": ["body", "trips", 0], "msg": "Too many fields"}]}
    few = GOOD | {str(number): 1 for number in range(MAX_FAULTS_A_ROW)}
    assert len((await check(body_of([few]))).faults[0]) == MAX_FAULTS_A_ROW


async def test_other_requests_are_served_while_rows_are_checked_one_by_one() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await check(body_of([GOOD] * (20 * SLICE_ROWS) + [{}]))
    task.cancel()
    assert turns >= 20


TIME = "2021-01-05T08:30:00"


async def test_a_column_that_no_row_has_is_left_out() -> None:
    assert "pickup_datetime" not in (await check(body_of([GOOD, GOOD]))).columns
    assert "pickup_datetime" not in (await check(body_of([GOOD, GOOD | {"pickup_datetime": None}]))).columns


async def test_rows_with_a_time_and_rows_without_one_share_a_batch() -> None:
    written = [GOOD | {"pickup_datetime": TIME}, GOOD, GOOD | {"pickup_datetime": "2021-01-05T13:30:00Z"}]
    checked = await check(body_of(written))
    assert checked.columns["pickup_datetime"] == [TIME, None, TIME]
    assert (list(checked.places), checked.faults) == ([0, 1, 2], {})


async def test_rows_that_all_have_a_time_as_it_travels_pass_at_once() -> None:
    checked = await check(body_of([GOOD | {"pickup_datetime": TIME}] * 3))
    assert checked.columns["pickup_datetime"] == [TIME] * 3
    assert checked.places == range(3)


async def test_a_wrong_time_fails_its_row_alone() -> None:
    checked = await check(body_of([GOOD, GOOD | {"pickup_datetime": "08:30"}]))
    assert list(checked.places) == [0]
    (fault,) = checked.faults[1]
    assert fault["loc"] == ["body", "trips", 1, "pickup_datetime"]
    assert fault["msg"].startswith("not a time like 2021-01-05T08:30:00")


async def test_a_time_given_twice_is_found_among_its_own_colons() -> None:
    row = f'{{"PULocationID":130,"DOLocationID":205,"trip_distance":3.0,"pickup_datetime":"{TIME}"'
    body = f'{{"request_id":"r","trips":[{row}}},{row},"pickup_datetime":"{TIME}"}}]}}'
    checked = await check(body)
    assert list(checked.places) == [0]
    assert checked.faults[1] == [{"loc": ["body", "trips", 1, "pickup_datetime"], "msg": "Field given twice"}]
