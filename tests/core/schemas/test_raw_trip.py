"""A raw row is prepared online as the pipeline prepares the rows of a file."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.handlers.preparation import PREPARATIONS, prepare
from core.schemas.raw_trip import RawTripRequest
from core.schemas.snapshot import Taxi
from core.schemas.trip import TripRow
from tests.core.handlers.extracted import extracted

PREFIX: dict[Taxi, str] = {"green": "lpep", "yellow": "tpep"}
zones = st.one_of(st.none(), st.integers(1, 265))


@given(
    st.sampled_from(["green", "yellow"]),
    zones,
    zones,
    st.one_of(st.none(), st.floats(0.01, 99.9)),
    st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 (the TLC's times have no zone)
)
def test_a_raw_row_becomes_what_the_pipeline_makes_of_it(
    taxi: Taxi, pickup: int | None, dropoff: int | None, miles: float | None, moment: datetime
) -> None:
    raw = {"PULocationID": pickup, "DOLocationID": dropoff, "trip_distance": miles}
    online = RawTripRequest.model_validate(
        {"request_id": "r", f"{PREFIX[taxi]}_pickup_datetime": moment.isoformat(), **raw}
    ).row()

    row = {"taxi": taxi, "month": moment.date(), "pickup_at": moment, "dropoff_at": moment + timedelta(minutes=9)}
    prepared = prepare(extracted(row | raw), PREPARATIONS[taxi]).collect()
    if not len(prepared):
        assert (taxi, miles) == ("yellow", None)  # cancelled: nothing to learn from, but a row to be answered
        return
    offline = prepared.select(*TripRow.model_fields).row(0, named=True)
    assert online.model_dump() == offline | {"pickup_datetime": offline["pickup_datetime"].isoformat()}


def test_further_columns_of_the_tlc_are_ignored() -> None:
    raw = {
        "request_id": "r",
        "PULocationID": 130.0,
        "DOLocationID": 205,
        "trip_distance": 3,
        "ehail_fee": None,
        "VendorID": 2,
    }
    assert RawTripRequest.model_validate(raw).row() == TripRow(PULocationID=130, DOLocationID=205, trip_distance=3.0)


@pytest.mark.parametrize(
    "wrong",
    [{"PULocationID": 0}, {"DOLocationID": "205"}, {"trip_distance": -1.0}, {"lpep_pickup_datetime": "noon"}, {"request_id": ""}],
)  # fmt: skip
def test_a_wrong_value_is_refused(wrong: dict[str, Any]) -> None:
    raw = {"request_id": "r", "PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}
    with pytest.raises(ValidationError):
        RawTripRequest.model_validate(raw | wrong)


@pytest.mark.parametrize("missing", ["request_id", "PULocationID", "DOLocationID", "trip_distance"])
def test_a_missing_column_is_refused_as_a_null_is_not(missing: str) -> None:
    raw: dict[str, Any] = {"request_id": "r", "PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}
    with pytest.raises(ValidationError, match=missing):
        RawTripRequest.model_validate({name: value for name, value in raw.items() if name != missing})
