"""The batch route: one outcome a row in order, whatever becomes of the others, and single requests in between."""

import json
import random
import socket
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.chaos.poison import CLASS as POISONED_CLASS
from tests.chaos.poison import KILLS_MILES, PoisonedModel
from tests.e2e.pickles import write_pickle
from tests.e2e.problems import check_problem
from tests.e2e.processes import ANSWER_TIMEOUT_S, EXAMPLE, Stack, free_port, wait_until
from tests.e2e.team_models import ANSWERS_NAN, IS_SLOW, RAISES
from tests.promises import LateError, check_time, tried_thrice

pytestmark = pytest.mark.e2e

TRIP = {name: value for name, value in EXAMPLE.items() if name != "request_id"}
MEBIBYTE = 1024 * 1024


def post(stack: Stack, body: object, *, timeout_s: float | None = None) -> httpx.Response:
    headers = {"Content-Type": "application/json"}
    if timeout_s is not None:
        headers["X-Request-Timeout"] = str(timeout_s)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{stack.predict_url}/batch", content=content, headers=headers, timeout=ANSWER_TIMEOUT_S)


def predict(stack: Stack, trips: list[Any], *, timeout_s: float | None = None) -> list[dict[str, Any]]:
    """Return the outcomes of ``trips``."""
    answer = post(stack, {"request_id": "b", "trips": trips}, timeout_s=timeout_s)
    assert answer.status_code == HTTPStatus.OK, answer.text
    outcomes: list[dict[str, Any]] = answer.json()["outcomes"]
    assert len(outcomes) == len(trips)
    return outcomes


def reply_codes(outcomes: list[dict[str, Any]]) -> dict[int, int]:
    """Return the reply code of each row that failed, and check that it is told which row it is."""
    failed = {index: outcome["error"] for index, outcome in enumerate(outcomes) if "error" in outcome}
    assert all(error["index"] == index for index, error in failed.items())
    return {index: error["reply_code"] for index, error in failed.items()}


def random_trips(count: int) -> list[dict[str, Any]]:
    dice = random.Random(7)  # noqa: S311 (test data)
    return [
        {
            "PULocationID": dice.randint(1, 265),
            "DOLocationID": dice.randint(1, 265),
            "trip_distance": round(dice.random() * 30, 2),
        }
        for _ in range(count)
    ]


def test_the_answer_holds_what_the_contract_says(stack: Stack) -> None:
    answer = post(stack, {"request_id": "a b/~", "trips": [TRIP, TRIP]})

    body = answer.json()
    assert body.keys() == {"reply_code", "request_id", "transaction_id", "model_name", "model_version", "outcomes"}
    assert (body["reply_code"], body["request_id"], body["model_name"]) == (0, "a b/~", "trip_duration")
    assert body["model_version"] == stack.get("/health").json()["model_version"]
    assert [outcome.keys() for outcome in body["outcomes"]] == [{"duration"}] * 2
    assert answer.headers["X-Request-ID"] == "a b/~"
    assert answer.headers["Server-Timing"].startswith("queue;dur=")


def test_each_row_is_answered_as_if_it_were_alone(stack: Stack) -> None:
    trips = random_trips(60)
    alone = [stack.predict(**trip).json()["duration"] for trip in trips]

    assert [outcome["duration"] for outcome in predict(stack, trips)] == alone


def test_ten_thousand_rows_are_answered_in_order(stack: Stack) -> None:
    trips = random_trips(10_000)

    outcomes = predict(stack, trips)

    again = predict(stack, trips[::-1])[::-1]
    assert outcomes == again
    assert len({outcome["duration"] for outcome in outcomes}) > 5_000


def test_rows_that_are_not_valid_fail_alone_with_their_index(stack: Stack) -> None:
    bad: list[Any] = [{}, TRIP | {"PULocationID": 0}, TRIP | {"tip": 1}, 5, None, TRIP | {"trip_distance": "3"}]

    outcomes = predict(stack, [TRIP, *bad, TRIP])

    assert reply_codes(outcomes) == dict.fromkeys(range(1, 7), 100)
    assert outcomes[0] == outcomes[7] == {"duration": stack.predict().json()["duration"]}
    assert outcomes[2]["error"]["errors"] == [
        {"loc": ["body", "trips", 2, "PULocationID"], "msg": "Input should be greater than or equal to 1"}
    ]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "1" * 400])
def test_a_number_that_is_none_fails_its_row_alone(stack: Stack, number: str) -> None:
    bad = json.dumps(TRIP).replace("3.0", number)

    outcomes = post(stack, f'{{"request_id":"b","trips":[{json.dumps(TRIP)},{bad}]}}'.encode()).json()["outcomes"]

    assert reply_codes(outcomes) == {1: 100}


def test_a_batch_of_bad_rows_only_is_answered_too(stack: Stack) -> None:
    outcomes = predict(stack, [{}] * 2000)

    assert set(reply_codes(outcomes).values()) == {100}


MALFORMED: Mapping[str, bytes] = {
    "empty": b"",
    "cut off": b'{"request_id":"b","trips":[',
    "an array": b"[]",
    "no id": b'{"trips":[1]}',
    "no rows": b'{"request_id":"b"}',
    "no list": b'{"request_id":"b","trips":{}}',
    "empty list": b'{"request_id":"b","trips":[]}',
    "too long": b'{"request_id":"b","trips":[' + b"1," * 10_000 + b"1]}",
    "unknown field": b'{"request_id":"b","trips":[1],"x":1}',
    "a bad id": b'{"request_id":"","trips":[1]}',
    "two ids": b'{"request_id":"a","trips":[1],"request_id":"b"}',
    "deep": b'{"request_id":"b","trips":[' + b"[" * 50_000 + b"]" * 50_000 + b"]}",
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_envelope_is_a_400_that_says_where(stack: Stack, body: bytes) -> None:
    answer = post(stack, body)

    problem = check_problem(answer, HTTPStatus.BAD_REQUEST, 100, request_id=answer.json()["request_id"])
    assert problem["errors"][0]["loc"][0] == "body"
    assert problem["errors"][0]["msg"]


def test_a_body_beyond_four_mebibytes_is_refused_and_one_below_is_not(stack: Stack) -> None:
    body = json.dumps({"request_id": "b", "trips": [TRIP]}).encode()

    too_large = post(stack, body + b" " * 4 * MEBIBYTE)
    check_problem(too_large, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, 100)
    assert post(stack, body + b" " * 3 * MEBIBYTE).status_code == HTTPStatus.OK


def test_a_row_on_which_the_model_fails_fails_alone(team_stack: Stack) -> None:
    trips = [TRIP, TRIP | {"PULocationID": RAISES}, TRIP | {"PULocationID": ANSWERS_NAN}, TRIP] * 20

    outcomes = predict(team_stack, trips)

    assert reply_codes(outcomes) == {index: 101 for index in range(len(trips)) if index % 4 in (1, 2)}
    assert outcomes[1]["error"]["detail"] == "model_error"
    assert outcomes[2]["error"]["detail"] == "not_finite"
    assert outcomes[0] == outcomes[3] == {"duration": 13.0}


def slow(seconds: float) -> dict[str, Any]:
    """Return a trip that the team's model computes for so long."""
    return TRIP | {"PULocationID": IS_SLOW, "trip_distance": seconds}


@tried_thrice
def test_rows_that_miss_the_deadline_say_so_beside_those_that_made_it(team_stack: Stack) -> None:
    fast, late = [TRIP] * 2000, [slow(2.5)]

    outcomes = predict(team_stack, fast + late, timeout_s=1.5)

    codes = reply_codes(outcomes)
    assert codes[len(fast)] == 1
    assert set(codes.values()) == {1}
    wait_until(team_stack.broker.stays_idle, what="the slow row is done")
    if 0 in codes:
        raise LateError("not even the first row was answered in time")
    assert outcomes[0] == {"duration": 13.0}


def test_a_batch_of_which_nothing_was_answered_in_time_is_a_504(team_stack: Stack) -> None:
    answer = post(team_stack, {"request_id": "b", "trips": [slow(2), TRIP]}, timeout_s=0.3)

    check_problem(answer, HTTPStatus.GATEWAY_TIMEOUT, 1, request_id="b")
    wait_until(team_stack.broker.stays_idle, what="the slow row is done")


def test_without_a_broker_a_batch_is_refused_at_once(own_stack: Stack) -> None:
    with own_stack.web():
        answer = post(own_stack, {"request_id": "b", "trips": [TRIP]})

    check_problem(answer, HTTPStatus.SERVICE_UNAVAILABLE, 103, request_id="b")
    assert int(answer.headers["Retry-After"]) >= 1


@tried_thrice
def test_a_single_request_waits_for_one_chunk_of_a_batch_at_most(team_stack: Stack) -> None:
    """10,000 rows of 2 ms keep the worker busy for 20 s; a chunk of them takes 25 ms."""
    predict(team_stack, [slow(0.002)] * 32)  # this model's cost lies in its rows, so it has to be measured anew
    done = chunks_done(team_stack)
    with ThreadPoolExecutor(1) as pool, httpx.Client(timeout=ANSWER_TIMEOUT_S) as caller:
        batch = pool.submit(post, team_stack, {"request_id": "b", "trips": [slow(0.002)] * 10_000}, timeout_s=6)
        wait_until(lambda: chunks_done(team_stack) > done + 3, what="the first chunks are measured")
        latencies: list[float] = []
        while len(latencies) < 30:
            started = time.monotonic()
            assert caller.post(team_stack.predict_url, json=EXAMPLE).json()["duration"] == 13.0
            latencies.append(time.monotonic() - started)
        under_way = not batch.done()
        codes = reply_codes(batch.result().json()["outcomes"])
    if not under_way:
        raise LateError("the batch was done before all had asked")
    # Measured: 27 ms in the middle, 54 at worst; the rest is room for a busy machine.
    check_time(sorted(latencies)[len(latencies) // 2], 0.15, what="half of the answers")
    check_time(max(latencies), 0.5, what="the last answer")
    assert 100 < 10_000 - len(codes) < 9_000
    wait_until(team_stack.broker.stays_idle, what="the batch is dropped")


def chunks_done(stack: Stack) -> int:
    """Return how many batches the worker has written a line of."""
    return sum("request_ids" in line for line in stack.log_lines("tasks/trip"))


def test_a_caller_who_hangs_up_takes_his_batch_with_him(team_stack: Stack) -> None:
    body = json.dumps({"request_id": "hangs-up", "trips": [slow(0.01)] * 5_000}).encode()
    head = f"POST /v1/trip/predict/batch HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    with socket.create_connection(("127.0.0.1", team_stack.http_port)) as connection:
        connection.sendall(f"{head}\r\n\r\n".encode() + body)
        wait_until(team_stack.broker.computing, what="the batch is under way")

    # To compute all of it takes fifty seconds.
    wait_until(team_stack.broker.stays_idle, timeout_s=25, what="nothing more of it is computed")


@pytest.fixture
def poisoned(own_stack: Stack) -> Iterator[Stack]:
    """Serve a model that some rows kill, with three workers: two may die of them."""
    model = {
        "TRIP_DURATION_MODEL": str(write_pickle(own_stack.folder / "poisoned.pickle", PoisonedModel())),
        "MODEL_ALLOWED_CLASSES": POISONED_CLASS,
    }
    with ExitStack() as parts:
        parts.enter_context(own_stack.broker.running())
        for _ in range(3):
            parts.enter_context(own_stack.worker(**model))
        parts.enter_context(own_stack.web())
        own_stack.wait_until_ready()
        wait_until(lambda: len(own_stack.broker.heartbeats()) == 3, what="three workers")
        yield own_stack


def test_a_row_that_kills_the_worker_fails_alone_among_thousands(poisoned: Stack) -> None:
    trips = [TRIP | {"trip_distance": row % 100} for row in range(2500)]
    trips[1234] = TRIP | {"trip_distance": KILLS_MILES}

    outcomes = predict(poisoned, trips)

    assert reply_codes(outcomes) == {1234: 101}
    assert outcomes[1234]["error"]["detail"] == "poison"
    assert [outcome.get("duration") for outcome in outcomes[:1234]] == [10.0 + 2.0 * (row % 100) for row in range(1234)]


def test_a_second_web_process_takes_turns_with_the_first(team_stack: Stack) -> None:
    other = Stack(folder=team_stack.folder, broker=team_stack.broker, http_port=free_port())
    with other.web(), ThreadPoolExecutor(2) as pool:
        other.wait_until_ready()
        trips = [slow(0.002)] * 300
        both = [pool.submit(predict, stack, trips, timeout_s=30) for stack in (team_stack, other)]
        assert all(not reply_codes(outcomes.result()) for outcomes in both)
