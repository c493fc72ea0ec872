import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from config import ROOT
from core.managers.artifacts import find_champion, load_version
from core.models.trip_duration.linear import PairRegression
from core.schemas.catalog import TRIP_DURATION
from tests.e2e.processes import EXAMPLE, Stack

pytestmark = pytest.mark.e2e

DURATION = re.compile(r"(\w+);dur=(\d+\.\d+)")


@pytest.fixture(scope="module")
def shipped() -> PairRegression:
    """Return the model that git carries."""
    loaded = load_version(find_champion(ROOT / "repo" / "models", TRIP_DURATION.model), entry=TRIP_DURATION)
    assert isinstance(loaded.predictor, PairRegression)
    return loaded.predictor


def by_scikit_learn(model: PairRegression, pair: str, miles: float) -> float:
    """Return what the pickled scikit-learn objects answer, without any code of ours."""
    matrix = model.vectorizer.transform([{"PU_DO": pair, "trip_distance": miles}])
    return float(model.regression.predict(matrix)[0])


def test_the_example_is_answered_with_scikit_learns_own_number(stack: Stack, shipped: PairRegression) -> None:
    answer = stack.predict()

    assert answer.status_code == 200
    assert answer.json()["duration"] == pytest.approx(by_scikit_learn(shipped, "130_205", 3.0), abs=1e-9, rel=0)
    assert answer.json()["duration"] == pytest.approx(12.8, abs=0.3)


def test_other_known_pairs_are_too(stack: Stack, shipped: PairRegression) -> None:
    pairs = [name.removeprefix("PU_DO=") for name in shipped.vectorizer.feature_names_ if name.startswith("PU_DO=")]
    for pair in pairs[:: len(pairs) // 20]:
        expected = by_scikit_learn(shipped, pair, 2.5)
        pickup, dropoff = map(int, pair.split("_"))

        answer = stack.predict(PULocationID=pickup, DOLocationID=dropoff, trip_distance=2.5)

        if expected > 0:
            assert answer.json()["duration"] == pytest.approx(expected, abs=1e-9, rel=0), pair


def test_an_answer_holds_what_the_contract_says(stack: Stack) -> None:
    answer = stack.predict(request_id="a b/~")

    assert answer.headers["Content-Type"] == "application/json"
    body = answer.json()
    assert set(body) == {"reply_code", "duration", "request_id", "transaction_id", "model_name", "model_version"}
    assert body["reply_code"] == 0
    assert body["request_id"] == "a b/~"
    assert body["model_name"] == "trip_duration"
    assert body["model_version"] == httpx.get(f"{stack.url}/health").json()["model_version"]


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
    body = httpx.get(f"{stack.url}/health").json()

    assert body.keys() == {"name", "api_version", "model_version"}
    assert (body["name"], body["api_version"]) == ("tripcast", "v1")
    assert body["model_version"]


def test_the_probes_answer(stack: Stack) -> None:
    live, ready = [httpx.get(f"{stack.url}/health/{probe}") for probe in ("live", "ready")]

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "missing": []})
