"""From no worker to one: what an autoscaler reads meanwhile, and what callers get."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from tests.e2e.problems import check_problem
from tests.e2e.processes import ANSWER_TIMEOUT_S, EXAMPLE, Stack, free_port, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

WAITS = {"SCALE_TO_ZERO": "on", "WORKER_GRACE_S": "0"}
CALLERS = 40


def backlog(stack: Stack) -> dict[str, Any]:
    """Return what an autoscaler reads, once this web process has reported."""
    return wait_until(lambda: told(stack), what="the backlog is told")


def told(stack: Stack) -> dict[str, Any]:
    answer = stack.get("/health/backlog")
    found: dict[str, Any] = answer.json()
    return found if answer.status_code == HTTPStatus.OK else {}


def wait_until_ready_without_a_worker(stack: Stack) -> None:
    stack.wait_until_ready()
    assert stack.get("/health/ready").json() == {"status": "ready", "missing": ["worker"], "devices": {}}


@pytest.mark.slow
def test_requests_wait_for_the_worker_that_they_bring_and_every_web_process_tells_of_all(own_stack: Stack) -> None:
    other = Stack(folder=own_stack.folder, broker=own_stack.broker, http_port=free_port())
    with ExitStack() as parts:
        parts.enter_context(own_stack.broker.running())
        for web in (own_stack, other):
            parts.enter_context(web.web(**WAITS))
            wait_until_ready_without_a_worker(web)
        wait_until(lambda: backlog(own_stack)["web_processes"] == 2, what="both report")
        assert backlog(own_stack)["rows_waiting"] == 0

        threads = parts.enter_context(ThreadPoolExecutor(CALLERS))
        answers = [threads.submit((own_stack, other)[caller % 2].predict) for caller in range(CALLERS)]
        for web in (own_stack, other):
            wait_until(lambda web=web: backlog(web)["rows_waiting"] == CALLERS, what="all rows are seen")  # type: ignore[misc]
        # Rows count from when they are handed to the publisher, which is before Redis has them.
        wait_until(lambda: backlog(other)["models"]["trip_duration"]["messages_queued"], what="messages are queued")
        seen = backlog(other)["models"]["trip_duration"]
        assert seen["rows_held"] > 0
        assert 0 < seen["messages_queued"] < CALLERS
        assert not [answer for answer in answers if answer.done()]

        parts.enter_context(own_stack.worker())
        statuses = {answer.result().status_code for answer in answers}
        assert statuses == {HTTPStatus.OK}
        wait_until(lambda: backlog(own_stack)["rows_waiting"] == 0, what="nothing waits any more")


def test_without_a_worker_the_deadline_ends_the_wait(own_stack: Stack) -> None:
    with own_stack.broker.running(), own_stack.web(**WAITS):
        wait_until_ready_without_a_worker(own_stack)
        batch = {"request_id": "b", "trips": [{name: EXAMPLE[name] for name in EXAMPLE if name != "request_id"}] * 3}
        headers = {"X-Request-Timeout": "1"}
        one = own_stack.predict(headers=headers)
        many = httpx.post(f"{own_stack.predict_url}/batch", json=batch, headers=headers, timeout=ANSWER_TIMEOUT_S)
    check_problem(one, HTTPStatus.GATEWAY_TIMEOUT, 1, request_id="1")
    check_problem(many, HTTPStatus.GATEWAY_TIMEOUT, 1, request_id="b")


@pytest.mark.slow
def test_while_redis_is_away_the_backlog_is_not_told_and_web_is_not_ready(own_stack: Stack) -> None:
    with own_stack.broker.running(), own_stack.web(**WAITS):
        wait_until_ready_without_a_worker(own_stack)
        with own_stack.broker.client() as client:
            client.shutdown(nosave=True)
        answer = own_stack.get("/health/backlog")
        check_problem(answer, HTTPStatus.SERVICE_UNAVAILABLE, 103, request_id=None)
        wait_until(lambda: own_stack.status("/health/ready") == HTTPStatus.SERVICE_UNAVAILABLE, what="it is missed")
