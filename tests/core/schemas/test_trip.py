import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config import ROOT
from core.schemas.trip import TRIP_DISTANCE_MAX_MILES, ZONE_ID_MAX, ZONE_ID_MIN, TripReply, TripRequest

EXAMPLE = {"request_id": "99999", "PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0}
ZONES = ("PULocationID", "DOLocationID")
PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=128)
UNPRINTABLE = st.characters(max_codepoint=0x1F) | st.characters(min_codepoint=0x7F, exclude_categories=["Cs"])
NO_NUMBERS = st.none() | st.booleans() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(), st.integers())


def read(**changes: Any) -> TripRequest:
    """Read the example with ``changes`` as it would come in a body."""
    return TripRequest.model_validate_json(json.dumps(EXAMPLE | changes))


@given(
    request_id=PRINTABLE,
    pickup=st.integers(ZONE_ID_MIN, ZONE_ID_MAX),
    dropoff=st.integers(ZONE_ID_MIN, ZONE_ID_MAX),
    miles=st.floats(0, TRIP_DISTANCE_MAX_MILES),
)
def test_a_valid_trip_is_read_as_it_was_sent(request_id: str, pickup: int, dropoff: int, miles: float) -> None:
    trip = read(request_id=request_id, PULocationID=pickup, DOLocationID=dropoff, trip_distance=miles)

    assert trip.request_id == request_id
    assert (trip.PULocationID, trip.DOLocationID, trip.trip_distance) == (pickup, dropoff, miles)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("spelling", ["130", "130.0", "1.3e2"])
def test_a_zone_is_a_whole_number_in_any_spelling(zone: str, spelling: str) -> None:
    trip = TripRequest.model_validate_json(json.dumps(EXAMPLE | {zone: 0}).replace(": 0", f": {spelling}"))

    assert getattr(trip, zone) == 130
    assert type(getattr(trip, zone)) is int


def test_a_distance_may_be_a_whole_number() -> None:
    trip = read(trip_distance=3)

    assert trip.trip_distance == 3.0
    assert type(trip.trip_distance) is float


@given(zone=st.sampled_from(ZONES), value=st.integers(max_value=0) | st.integers(min_value=266) | NO_NUMBERS)
def test_what_is_no_zone_is_refused(zone: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=zone):
        read(**{zone: value})


@given(value=st.floats(allow_infinity=False, allow_nan=False).filter(lambda value: not value.is_integer()))
def test_a_fraction_of_a_zone_is_refused(value: float) -> None:
    with pytest.raises(ValidationError, match="PULocationID"):
        read(PULocationID=value)


@given(value=st.floats(max_value=-1e-300) | st.floats(min_value=500.0000001) | st.just(float("nan")) | NO_NUMBERS)
def test_what_is_no_distance_is_refused(value: Any) -> None:
    with pytest.raises(ValidationError, match="trip_distance"):
        read(trip_distance=value)


@given(before=PRINTABLE, character=UNPRINTABLE, after=st.just("") | PRINTABLE)
def test_an_id_that_no_header_could_carry_is_refused(before: str, character: str, after: str) -> None:
    with pytest.raises(ValidationError, match="request_id"):
        read(request_id=before[:60] + character + after[:60])


@pytest.mark.parametrize("request_id", ["", "x" * 129, 1, None, True, ["1"]])
def test_an_id_is_1_to_128_characters(request_id: Any) -> None:
    with pytest.raises(ValidationError, match="request_id"):
        read(request_id=request_id)


@pytest.mark.parametrize("name", EXAMPLE)
def test_no_field_may_miss(name: str) -> None:
    with pytest.raises(ValidationError, match=f"{name}\n  Field required"):
        TripRequest.model_validate({key: value for key, value in EXAMPLE.items() if key != name})


@given(name=st.text(st.characters(exclude_categories=["Cs"])).filter(lambda name: name not in EXAMPLE))
def test_no_field_may_be_added(name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        read(**{name: 1})


@pytest.mark.parametrize("model", [TripRequest, TripReply])
def test_the_example_of_a_schema_is_valid(model: type[TripRequest | TripReply]) -> None:
    for example in model.model_json_schema()["examples"]:
        assert model.model_validate(example).model_dump(exclude_unset=True) == example


@pytest.mark.parametrize("name", TripRequest.model_fields)
def test_a_field_of_a_request_is_documented(name: str) -> None:
    assert re.search(rf"^\|.*`{name}`", (ROOT / "docs" / "http.md").read_text(), re.MULTILINE)
