"""A raw row of the TLC's files, through the queue."""

from typing import Any

import httpx
import pytest

from core.schemas.trip import TripRow
from tests.e2e.processes import Stack

pytestmark = pytest.mark.e2e

RAW: dict[str, Any] = {
    "request_id": "raw-1",
    "VendorID": 2,
    "lpep_pickup_datetime": "2021-01-05T08:30:00",
    "lpep_dropoff_datetime": None,
    "PULocationID": 130,
    "DOLocationID": 205,
    "trip_distance": 3.0,
    "ehail_fee": None,
}


def post(stack: Stack, work: str, **raw: Any) -> httpx.Response:
    return httpx.post(f"{stack.url}/v1/online/{work}", json=RAW | raw, timeout=30)


def test_a_raw_row_is_answered_as_the_row_that_it_is(stack: Stack) -> None:
    answer = post(stack, "serve")
    same = stack.predict(pickup_datetime="2021-01-05T08:30:00").json()

    assert answer.status_code == 200
    assert answer.headers["X-Request-ID"] == "raw-1"
    assert set(answer.json()) == set(same)
    assert answer.json()["duration"] == same["duration"]


def test_preparing_shows_the_row_and_all_that_the_model_looks_at(stack: Stack) -> None:
    answer = post(stack, "prepare")

    body = answer.json()
    assert answer.status_code == 200
    assert body["row"] == {
        "PULocationID": 130,
        "DOLocationID": 205,
        "trip_distance": 3.0,
        "pickup_datetime": "2021-01-05T08:30:00",
    }
    assert (body["features"]["hour"], body["features"]["weekday"]) == (8.5, 1)
    assert 0 < body["features"]["air_miles"] < 3.0
    assert body["model_version"] == post(stack, "serve").json()["model_version"]
    TripRow.model_validate(body["row"])


def test_what_is_missing_is_shown_as_missing(stack: Stack) -> None:
    body = post(stack, "prepare", PULocationID=None, trip_distance=None, lpep_pickup_datetime=None).json()

    assert (body["row"]["PULocationID"], body["row"]["trip_distance"], body["row"]["pickup_datetime"]) == (
        264,
        0.0,
        None,
    )
    assert [body["features"][name] for name in ("miles", "air_miles", "hour", "weekday")] == [None] * 4


@pytest.mark.parametrize("work", ["prepare", "serve"])
def test_a_wrong_value_is_refused_with_its_place(stack: Stack, work: str) -> None:
    answer = post(stack, work, DOLocationID=266)

    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == "raw-1"
    assert answer.json()["errors"][0]["loc"] == ["body", "DOLocationID"]
