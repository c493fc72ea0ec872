"""A caller who hangs up, and a line that is full."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from uuid import uuid4

import httpx
import pytest

from tests.e2e.problems import check_problem
from tests.e2e.processes import EXAMPLE, Stack, free_port, wait_until
from tests.e2e.team_models import IS_SLOW
from tests.promises import LateError, tried_thrice

pytestmark = pytest.mark.e2e

SHORT_LINE = {"MAX_INFLIGHT_PER_WORKER": "1", "MAX_WAITING_ROWS": "1"}


@pytest.fixture
def short_line(team_stack: Stack) -> Iterator[Stack]:
    """Return a web server that has one batch under way and lets one row wait."""
    stack = Stack(folder=team_stack.folder, broker=team_stack.broker, http_port=free_port())
    with stack.web(**SHORT_LINE):
        stack.wait_until_ready()
        yield stack


@tried_thrice
def test_a_caller_who_hangs_up_leaves_the_line(short_line: Stack) -> None:
    leaver, last = f"leaves-{uuid4()}", f"afterwards-{uuid4()}"
    wait_until(short_line.broker.stays_idle, what="the rows of other tests are done")
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(short_line.predict, PULocationID=IS_SLOW, trip_distance=4)
        wait_until(short_line.broker.computing, what="the first row is under way")
        with waiting(short_line, request_id=leaver):
            refusals: list[httpx.Response] = []
            wait_until(lambda: try_to_wait(short_line, refusals) == HTTPStatus.SERVICE_UNAVAILABLE, what="a full line")
        wait_until(lambda: try_to_wait(short_line, refusals) == HTTPStatus.GATEWAY_TIMEOUT, what="room in the line")
        in_time = not under_way.done()
        assert under_way.result().status_code == HTTPStatus.OK
    assert short_line.predict(request_id=last).status_code == HTTPStatus.OK

    if not in_time:
        raise LateError("the first row was done before the line was seen empty")
    refusal = next(answer for answer in refusals if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE)
    check_problem(refusal, HTTPStatus.SERVICE_UNAVAILABLE, 103, request_id="1")
    assert int(refusal.headers["Retry-After"]) >= 1
    short_line.find_line("tasks/trip", request_ids=[last])
    computed = {name for line in short_line.log_lines("tasks/trip") for name in line.get("request_ids", ())}
    assert leaver not in computed


def waiting(stack: Stack, *, request_id: str) -> socket.socket:
    """Send a prediction request; the connection is closed on leaving, without having read the answer."""
    body = json.dumps(EXAMPLE | {"request_id": request_id})
    head = (
        f"POST /v1/trip/predict HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    connection = socket.create_connection(("127.0.0.1", stack.http_port))
    connection.sendall(f"{head}\r\n\r\n{body}".encode())
    return connection


def try_to_wait(stack: Stack, answers: list[httpx.Response]) -> int:
    """Ask with a deadline that will pass: 504 if there was room to wait, 503 if not."""
    answers.append(stack.predict(headers={"X-Request-Timeout": "0.05"}))
    return answers[-1].status_code
