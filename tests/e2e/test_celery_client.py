"""A Celery client that knows nothing of us but the broker and the names of the contract."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from tests.e2e.conftest import celery_client
from tests.e2e.pickles import Hostile
from tests.e2e.processes import Stack, wait_until
from tests.e2e.team_models import IS_SLOW, RAISES
from tests.promises import LateError, check_time, tried_thrice

pytestmark = pytest.mark.e2e

PREDICT_RIDE = "tasks.trip.tasks.predict_ride"
PREDICT_ROWS = "tasks.trip.tasks.predict_rows"
QUEUE = "tasks.trip"
TIMEOUT_S = 60


@pytest.fixture
def team_client(team_stack: Stack) -> Iterator[Celery]:
    with celery_client(team_stack) as client:
        yield client


def predict_ride(client: Celery, *args: Any, **options: Any) -> Any:
    return client.send_task(PREDICT_RIDE, args=args, queue=QUEUE, **options)


def message(**changes: Any) -> dict[str, Any]:
    """Return a request of wire version 1 with two rows."""
    return {
        "wire": 1,
        "model": "trip_duration",
        "version": None,
        "columns": {"PULocationID": [130, 130], "DOLocationID": [205, 205], "trip_distance": [3.0, 3]},
        "ids": ["a", "b"],
        "deadlines": [time.time() + 60] * 2,
        "attempt": 0,
        **changes,
    }


def test_a_ride_is_predicted_with_the_number_that_http_gives(client: Celery, stack: Stack) -> None:
    reply = predict_ride(client, 130, 205, 3.0).get(timeout=TIMEOUT_S)

    assert reply["reply_code"] == 0
    assert reply["duration"] == stack.predict().json()["duration"]
    assert all(milliseconds >= 0 for milliseconds in reply["timings"].values())
    assert {"features_ms", "predict_ms"} <= reply["timings"].keys()


def test_a_ride_may_be_named_by_keywords(client: Celery) -> None:
    trip = {"pu_location_id": 130, "do_location_id": 205, "trip_distance": 3.0}
    reply = client.send_task(PREDICT_RIDE, kwargs=trip, queue=QUEUE).get(timeout=TIMEOUT_S)

    assert reply["reply_code"] == 0


@pytest.mark.parametrize(
    "args",
    [
        (0, 205, 3.0),
        (130, 266, 3.0),
        (130, 205, -1),
        (130, 205, 501),
        (130.5, 205, 3),
        ("130", 205, 3.0),
        (True, 205, 3.0),
        (None, 205, 3.0),
        (130, 205, "3"),
        (130, 205, None),
        ([130], 205, 3.0),
        ({}, [], ""),
    ],
)
def test_bad_arguments_are_answered_with_a_code_and_no_duration(client: Celery, args: tuple[Any, ...]) -> None:
    assert predict_ride(client, *args).get(timeout=TIMEOUT_S) == {"reply_code": 101, "error": "invalid_row"}


@pytest.mark.parametrize("miles", [float("nan"), float("inf")])
def test_a_distance_that_is_not_finite_is_answered_with_a_code(client: Celery, miles: float) -> None:
    assert predict_ride(client, 130, 205, miles).get(timeout=TIMEOUT_S) == {"reply_code": 101, "error": "invalid_row"}


def test_a_ride_that_the_model_fails_on_is_answered_with_a_code(team_client: Celery) -> None:
    reply = predict_ride(team_client, RAISES, 205, 3.0).get(timeout=TIMEOUT_S)

    assert reply == {"reply_code": 101, "error": "model_error"}


@pytest.mark.parametrize("args", [(), (130,), (130, 205, 3.0, 4)])
def test_a_wrong_number_of_arguments_fails_and_the_worker_lives(client: Celery, args: tuple[Any, ...]) -> None:
    result = predict_ride(client, *args)

    assert isinstance(result.get(timeout=TIMEOUT_S, propagate=False), Exception)
    assert result.status == "FAILURE"
    assert predict_ride(client, 130, 205, 3.0).get(timeout=TIMEOUT_S)["reply_code"] == 0


def test_rows_of_wire_version_1_are_predicted(client: Celery) -> None:
    reply = client.send_task(PREDICT_ROWS, args=[message()], queue=QUEUE).get(timeout=TIMEOUT_S)

    assert reply.keys() == {"wire", "model", "version", "worker", "predictions", "errors", "timings"}
    assert (reply["wire"], reply["model"], reply["errors"]) == (1, "trip_duration", {})
    assert reply["predictions"] == [predict_ride(client, 130, 205, 3.0).get(timeout=TIMEOUT_S)["duration"]] * 2
    assert reply["timings"].keys() == {"queue_ms", "features_ms", "predict_ms"}


@pytest.mark.parametrize("queue", [QUEUE, f"{QUEUE}.quarantine"])
def test_parts_of_wire_version_2_are_answered_as_if_each_had_come_alone(client: Celery, queue: str) -> None:
    bad = message()["columns"] | {"DOLocationID": [205, 999]}
    parts = [message(), message(version="no-such-version"), message(columns=bad)]
    reply = client.send_task(PREDICT_ROWS, args=[{"wire": 2, "parts": parts}], queue=queue).get(timeout=TIMEOUT_S)

    duration = predict_ride(client, 130, 205, 3.0).get(timeout=TIMEOUT_S)["duration"]
    assert reply.keys() == {"wire", "parts"}
    assert [part["wire"] for part in reply["parts"]] == [1, 1, 1]
    assert [part["predictions"] for part in reply["parts"]] == [[duration] * 2, [None] * 2, [duration, None]]
    codes = [{index: error["code"] for index, error in part["errors"].items()} for part in reply["parts"]]
    assert codes == [{}, dict.fromkeys("01", "unknown_version"), {"1": "invalid_row"}]


def test_a_bad_row_fails_alone(client: Celery) -> None:
    columns = message()["columns"] | {"DOLocationID": [205, 999]}
    reply = client.send_task(PREDICT_ROWS, args=[message(columns=columns)], queue=QUEUE).get(timeout=TIMEOUT_S)

    assert reply["predictions"][0] > 0
    assert reply["predictions"][1] is None
    assert reply["errors"]["1"]["code"] == "invalid_row"


def test_a_row_past_its_deadline_is_not_computed(client: Celery) -> None:
    late = message(deadlines=[time.time() - 1, time.time() + 60])
    reply = client.send_task(PREDICT_ROWS, args=[late], queue=QUEUE).get(timeout=TIMEOUT_S)

    assert reply["predictions"][0] is None
    assert reply["errors"]["0"]["code"] == "deadline_passed"
    assert reply["predictions"][1] > 0


@pytest.mark.parametrize("changes", [{"model": "no_such_model"}, {"version": "no-such-version"}])
def test_a_version_that_nobody_holds_is_answered_for_each_row(client: Celery, changes: dict[str, str]) -> None:
    reply = client.send_task(PREDICT_ROWS, args=[message(**changes)], queue=QUEUE).get(timeout=TIMEOUT_S)

    assert reply["predictions"] == [None, None]
    assert {error["code"] for error in reply["errors"].values()} == {"unknown_version"}


@pytest.mark.parametrize("columns", [{"pu": [1, 2]}, {"PULocationID": [130, 130]}])
def test_columns_that_are_not_the_models_are_an_error_and_never_an_intercept(
    client: Celery, columns: dict[str, list[int]]
) -> None:
    reply = client.send_task(PREDICT_ROWS, args=[message(columns=columns)], queue=QUEUE).get(timeout=TIMEOUT_S)

    assert reply["predictions"] == [None, None]
    assert {error["code"] for error in reply["errors"].values()} == {"invalid_row"}


@pytest.mark.parametrize(
    "argument",
    [
        message(wire=2),
        message(wire=3),
        {"wire": 2, "parts": []},
        {"wire": 2, "parts": [message(), message(ids=["a"])]},
        message(wire="1"),
        message(ids=["a"]),
        message(deadlines=[]),
        message(columns=[]),
        message(columns={}),
        {},
        None,
        1,
        "x",
    ],
)
def test_a_message_of_no_wire_version_fails_and_the_worker_lives(client: Celery, argument: Any) -> None:
    result = client.send_task(PREDICT_ROWS, args=[argument], queue=QUEUE)

    assert isinstance(result.get(timeout=TIMEOUT_S, propagate=False), Exception)
    assert predict_ride(client, 130, 205, 3.0).get(timeout=TIMEOUT_S)["reply_code"] == 0


def test_an_unknown_task_is_set_aside_and_the_worker_lives(client: Celery) -> None:
    client.send_task("tasks.trip.tasks.no_such_task", queue=QUEUE)

    assert predict_ride(client, 130, 205, 3.0).get(timeout=TIMEOUT_S)["reply_code"] == 0


def test_a_pickled_message_is_not_executed_and_the_worker_lives(client: Celery, stack: Stack, tmp_path: Path) -> None:
    marker = tmp_path / "executed"

    predict_ride(client, Hostile(marker), 205, 3.0, serializer="pickle")

    assert predict_ride(client, 130, 205, 3.0).get(timeout=TIMEOUT_S)["reply_code"] == 0
    with stack.broker.client() as redis:
        wait_until(lambda: redis.llen(QUEUE) == 0, what="the message is taken")
        wait_until(lambda: redis.hlen("unacked") == 0, what="the message is done with")
    assert not marker.exists()


@tried_thrice
def test_a_busy_worker_still_answers_ping_and_beats(team_client: Celery, team_stack: Stack) -> None:
    def beat() -> int:
        return max((int(heartbeat["beat"]) for heartbeat in team_stack.broker.heartbeats()), default=0)

    heavy = predict_ride(team_client, IS_SLOW, 205, 4.0)
    wait_until(team_stack.broker.computing, what="the worker computes")
    first = beat()
    wait_until(lambda: beat() >= first + 3, what="it beats meanwhile")
    started = time.monotonic()
    pongs = team_client.control.inspect(timeout=3, limit=1).ping() or {}
    ping_s = time.monotonic() - started

    computed_meanwhile = not heavy.ready()
    assert heavy.get(timeout=TIMEOUT_S)["duration"] == 14.0
    if not computed_meanwhile:
        raise LateError("the worker was done before it was asked")
    check_time(ping_s, 1.5, what="a ping")
    assert list(pongs.values()) == [{"ok": "pong"}]
