"""The rows of the status table that need something to be broken: 500, 503, 504."""

import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.e2e.problems import check_problem
from tests.e2e.processes import Broker, Stack, end, free_port, wait_until
from tests.e2e.team_models import ANSWERS_NAN, IS_SLOW, RAISES
from tests.promises import check_time, tried_thrice

pytestmark = pytest.mark.e2e

SLACK_S = 0.4
"""What a test machine with two busy cores may add to a promised time."""


def seconds_of(answer: httpx.Response) -> float:
    return answer.elapsed.total_seconds()


@pytest.mark.parametrize("zone", [RAISES, ANSWERS_NAN])
def test_a_row_that_the_model_fails_on_is_a_500(team_stack: Stack, zone: int) -> None:
    answer = team_stack.predict(PULocationID=zone, request_id="poison")

    check_problem(answer, HTTPStatus.INTERNAL_SERVER_ERROR, 101, request_id="poison")


def test_the_neighbours_of_a_poisonous_row_are_answered(team_stack: Stack) -> None:
    def ask(number: int) -> httpx.Response:
        return team_stack.predict(PULocationID=zones.get(number, 130), trip_distance=number / 4)

    zones = {5: RAISES, 17: ANSWERS_NAN, 30: RAISES}
    with ThreadPoolExecutor(40) as pool:
        # A slow row keeps the worker busy meanwhile, so that others gather into one batch.
        slow = pool.submit(team_stack.predict, PULocationID=IS_SLOW, trip_distance=1)
        answers = list(pool.map(ask, range(40)))

    assert slow.result().status_code == HTTPStatus.OK
    for number, answer in enumerate(answers):
        if number in zones:
            check_problem(answer, HTTPStatus.INTERNAL_SERVER_ERROR, 101, request_id="1")
        else:
            assert answer.json().get("duration") == 10.0 + number / 4, answer.text


@tried_thrice
def test_a_deadline_that_passes_is_a_504_in_time(team_stack: Stack) -> None:
    answer = team_stack.predict(
        PULocationID=IS_SLOW, trip_distance=2, request_id="late", headers={"X-Request-Timeout": "0.3"}
    )

    check_problem(answer, HTTPStatus.GATEWAY_TIMEOUT, 1, request_id="late")
    assert seconds_of(answer) >= 0.3
    check_time(seconds_of(answer), 0.35 + SLACK_S)


def test_after_a_late_row_others_are_answered(team_stack: Stack) -> None:
    team_stack.predict(PULocationID=IS_SLOW, trip_distance=0.5, headers={"X-Request-Timeout": "0.1"})

    assert team_stack.predict().json()["duration"] == 13.0


@tried_thrice
def test_the_setting_is_the_deadline_of_a_caller_who_names_none(team_stack: Stack) -> None:
    impatient = Stack(folder=team_stack.folder, broker=team_stack.broker, http_port=free_port())
    with impatient.web(REQUEST_TIMEOUT_S="0.3"):
        impatient.wait_until_ready()
        answers = [
            impatient.predict(PULocationID=IS_SLOW, trip_distance=1, headers=headers)
            for headers in ({}, {"X-Request-Timeout": "30"})
        ]

    for answer in answers:
        check_problem(answer, HTTPStatus.GATEWAY_TIMEOUT, 1, request_id="1")
        check_time(seconds_of(answer), 0.35 + SLACK_S)


@tried_thrice
def test_without_a_worker_it_is_a_503_until_one_comes(own_stack: Stack) -> None:
    with own_stack.broker.running(), own_stack.web(WORKER_GRACE_S="0"):
        wait_until(lambda: missing(own_stack) == ["worker"], what="the web server has reached the broker")
        answer = own_stack.predict()
        with own_stack.worker():
            own_stack.wait_until_ready()
            assert own_stack.predict().status_code == HTTPStatus.OK
        wait_until(lambda: missing(own_stack) == ["worker"], what="the worker is missed")
        again = own_stack.predict()

    for refusal in (answer, again):
        check_problem(refusal, HTTPStatus.SERVICE_UNAVAILABLE, 103, request_id="1")
        assert int(refusal.headers["Retry-After"]) >= 1
        check_time(seconds_of(refusal), 0.1 + SLACK_S)


def test_a_request_that_comes_before_the_first_worker_waits_for_it(own_stack: Stack) -> None:
    with own_stack.broker.running(), own_stack.web(), ThreadPoolExecutor() as threads:
        wait_until(lambda: missing(own_stack) == ["worker"], what="the web server has reached the broker")
        answer = threads.submit(own_stack.predict)
        with own_stack.worker():
            assert answer.result().status_code == HTTPStatus.OK, answer.result().text


@tried_thrice
def test_without_a_broker_it_is_a_503_until_it_is_back(own_stack: Stack) -> None:
    with own_stack.web(), own_stack.worker():
        with own_stack.broker.running() as broker:
            own_stack.wait_until_ready()
            assert own_stack.predict().status_code == HTTPStatus.OK
            end(broker)
            at_once = own_stack.predict(headers={"X-Request-Timeout": "20"})
            wait_until(lambda: missing(own_stack) == ["broker"], what="the broker is missed")
            later = own_stack.predict()
        with own_stack.broker.running():
            back = time.monotonic()
            wait_until(lambda: own_stack.predict().status_code == HTTPStatus.OK, what="predictions are served again")
            recovery_s = time.monotonic() - back

    for refusal in (at_once, later):
        check_problem(refusal, HTTPStatus.SERVICE_UNAVAILABLE, 103, request_id="1")
        assert int(refusal.headers["Retry-After"]) >= 1
        check_time(seconds_of(refusal), 1.0 + SLACK_S)
    check_time(recovery_s, 10)


@tried_thrice
def test_a_broker_that_fails_alone_is_a_503_within_a_second(own_stack: Stack, tmp_path: Path) -> None:
    apart = Broker(port=free_port(), folder=tmp_path)
    settings = {"CELERY_BROKER_URL": apart.url}
    with apart.running() as broker, own_stack.broker.running(), own_stack.worker(**settings), own_stack.web(**settings):
        own_stack.wait_until_ready()
        assert own_stack.predict().status_code == HTTPStatus.OK
        end(broker)
        refusal = own_stack.predict()

    check_problem(refusal, HTTPStatus.SERVICE_UNAVAILABLE, 103, request_id="1")
    check_time(seconds_of(refusal), 1.0 + SLACK_S)


def missing(stack: Stack) -> object:
    """Return what ``/health/ready`` misses."""
    return stack.get("/health/ready").json()["missing"]
