import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from config import ROOT
from core.managers.artifacts import LoadedModel, find_champion, load_version
from core.schemas.catalog import TRIP_DURATION
from tests.e2e.processes import EXAMPLE, Stack

pytestmark = pytest.mark.e2e

DURATION = re.compile(r"(\w+);dur=(\d+\.\d+)")


TIME = "2021-01-05T08:30:00"


@pytest.fixture(scope="module")
def shipped() -> LoadedModel:
    """Return the model that git carries."""
    return load_version(find_champion(ROOT / "repo" / "models", TRIP_DURATION.model), entry=TRIP_DURATION)


def by_the_model_itself(model: LoadedModel, **row: Any) -> float:
    """Return what the model answers in this process, without a queue."""
    (prediction,) = model.predict({name: [value] for name, value in row.items()}).predictions
    assert prediction is not None
    return prediction


def test_the_example_is_answered_with_the_models_own_number(stack: Stack, shipped: LoadedModel) -> None:
    answer = stack.predict()

    assert answer.status_code == 200
    assert answer.json()["duration"] == by_the_model_itself(
        shipped, PULocationID=130, DOLocationID=205, trip_distance=3.0
    )
    assert answer.json()["duration"] == pytest.approx(13.0, abs=1.0)


def test_a_time_of_pickup_reaches_the_model_however_it_is_written(stack: Stack, shipped: LoadedModel) -> None:
    row: dict[str, Any] = {"PULocationID": 74, "DOLocationID": 263, "trip_distance": 3.1}
    rush, night = (
        by_the_model_itself(shipped, **row, pickup_datetime=f"2021-01-05T{hour}:30:00") for hour in ("08", "03")
    )
    assert rush > night + 1.0

    for written in (TIME, "2021-01-05T08:30", "2021-01-05T13:30:00Z", "2021-01-05T08:30:00-05:00"):
        assert stack.predict(**row, pickup_datetime=written).json()["duration"] == rush
    assert stack.predict(**row, pickup_datetime="2021-01-05T03:30:00").json()["duration"] == night


def test_null_is_the_same_as_no_time(stack: Stack) -> None:
    assert stack.predict(pickup_datetime=None).json()["duration"] == stack.predict().json()["duration"]


@pytest.mark.parametrize("wrong", ["08:30", "2021-02-30T08:30:00", 1609835400, "yesterday", ""])
def test_what_is_no_time_is_refused(stack: Stack, wrong: object) -> None:
    answer = stack.predict(pickup_datetime=wrong)

    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["loc"] == ["body", "pickup_datetime"]
    assert error["msg"].startswith("not a time like 2021-01-05T08:30:00")


def test_rows_with_and_without_a_time_share_a_batch(stack: Stack, shipped: LoadedModel) -> None:
    row: dict[str, Any] = {"PULocationID": 74, "DOLocationID": 263, "trip_distance": 3.1}
    body = {"request_id": "b", "trips": [row, row | {"pickup_datetime": TIME}, row]}
    outcomes = httpx.post(f"{stack.url}/v1/trip/predict/batch", json=body, timeout=30).json()["outcomes"]
    without, timed = by_the_model_itself(shipped, **row), by_the_model_itself(shipped, **row, pickup_datetime=TIME)
    assert [outcome["duration"] for outcome in outcomes] == [without, timed, without]


def test_an_answer_holds_what_the_contract_says(stack: Stack) -> None:
    answer = stack.predict(request_id="a b/~")

    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"reply_code", "duration", "request_id", "transaction_id", "model_name", "model_version"}
    assert body["reply_code"] == 0
    assert body["request_id"] == "a b/~"
    assert body["model_name"] == "trip_duration"
    assert body["model_version"] == stack.get("/health").json()["model_version"]


def test_the_transaction_id_is_a_new_uuid7_each_time(stack: Stack) -> None:
    first, second = [uuid.UUID(stack.predict().json()["transaction_id"]) for _ in range(2)]

    assert (first.version, second.version) == (7, 7)
    assert first < second


def test_the_headers_carry_the_id_and_the_timings(stack: Stack) -> None:
    answer = stack.predict(request_id="header-check")

    timings = {name: float(value) for name, value in DURATION.findall(answer.headers["Server-Timing"])}
    assert answer.headers["X-Request-ID"] == "header-check"
    assert list(timings) == ["queue", "features", "predict", "total"]
    assert timings["total"] >= timings["features"] + timings["predict"]
    assert timings["total"] > timings["queue"] > 0


@pytest.mark.parametrize(
    "spelling", ["130,205,3.0", "130.0,205.0,3", "1.3e2,2.05e2,3e0", " 130 ,\n205\t, 3.00 ", "130,205,0.3e1"]
)
def test_a_number_may_be_spelled_in_any_way(stack: Stack, spelling: str) -> None:
    pickup, dropoff, miles = spelling.split(",")
    body = f'{{"request_id":"1","PULocationID":{pickup},"DOLocationID":{dropoff},"trip_distance":{miles}}}'

    assert stack.post(body).json()["duration"] == stack.predict().json()["duration"]


@pytest.mark.parametrize(
    "changes",
    [{"PULocationID": 1, "DOLocationID": 265}, {"trip_distance": 0}, {"trip_distance": 500}, {"request_id": "~" * 128}],
)
def test_the_bounds_are_inside(stack: Stack, changes: dict[str, Any]) -> None:
    answer = stack.predict(**changes)

    assert answer.status_code == 200
    assert answer.json()["duration"] > 0


def test_concurrent_requests_get_their_own_answers(stack: Stack) -> None:
    def ask(number: int) -> tuple[str, float]:
        body = client.post(stack.predict_url, json=EXAMPLE | trips[number] | {"request_id": str(number)}).json()
        return body["request_id"], body["duration"]

    trips: list[dict[str, Any]] = [
        {"PULocationID": 1 + number % 265, "trip_distance": number / 8} for number in range(200)
    ]
    alone = [stack.predict(**trip).json()["duration"] for trip in trips[:20]]
    with httpx.Client(timeout=30) as client, ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(200)))

    assert [request_id for request_id, _ in answers] == [str(number) for number in range(200)]
    assert [duration for _, duration in answers[:20]] == alone


def test_health_names_service_api_and_model_and_nothing_else(stack: Stack) -> None:
    body = stack.get("/health").json()

    assert body.keys() == {"name", "api_version", "model_version"}
    assert (body["name"], body["api_version"]) == ("tripcast", "v1")
    assert body["model_version"]


def test_the_probes_answer(stack: Stack) -> None:
    live, ready = [stack.get(f"/health/{probe}") for probe in ("live", "ready")]

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "missing": [], "devices": {"cpu": 1}})
