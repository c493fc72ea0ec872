"""The log lines of both sides, and how they join."""

from datetime import datetime
from typing import Any

import pytest

from tests.e2e.processes import Stack, wait_until
from tests.e2e.team_models import IS_SLOW, RAISES

pytestmark = pytest.mark.e2e

WEB, WORKER = "apps/api", "tasks/trip"
TIMINGS = {"queue_ms", "features_ms", "predict_ms"}


def find(stack: Stack, side: str, **fields: Any) -> dict[str, Any]:
    """Return the first line of a side that holds these fields; wait until it is there."""

    def matching() -> list[dict[str, Any]]:
        return [line for line in stack.log_lines(side) if fields.items() <= line.items()]

    wait_until(matching, timeout_s=5, what=f"a line of {side} with {fields}")
    return matching()[0]


def test_a_request_can_be_followed_from_web_to_worker(stack: Stack) -> None:
    answer = stack.predict(request_id="followed").json()

    request = find(stack, WEB, request_id="followed")
    sent = find(stack, WEB, task_id=request["task_id"], request_ids=["followed"])
    computed = find(stack, WORKER, task_id=request["task_id"], request_ids=["followed"])

    assert request["transaction_id"] == answer["transaction_id"]
    assert computed["version"] == sent["version"] == answer["model_version"]
    for line in (sent, computed):
        assert line.keys() >= TIMINGS
        assert all(line[name] >= 0 for name in TIMINGS)
    assert request["total_ms"] >= computed["features_ms"] + computed["predict_ms"]


def test_every_line_says_when_where_and_how_severe(stack: Stack) -> None:
    stack.predict()

    for side in (WEB, WORKER):
        lines = stack.log_lines(side)
        assert lines
        for line in lines:
            assert line.keys() >= {"time", "level", "logger", "message", "process", "pid"}
            assert datetime.fromisoformat(line["time"]).tzinfo is not None


def test_a_failed_row_is_logged_on_both_sides(team_stack: Stack) -> None:
    team_stack.predict(PULocationID=RAISES, request_id="fails")

    web = find(team_stack, WEB, request_id="fails", level="WARNING", code="model_error")
    worker = find(team_stack, WORKER, request_id="fails", level="WARNING", code="model_error")

    assert web["task_id"] == worker["task_id"]


def test_by_default_a_line_is_written_a_batch_and_for_each_slow_request(team_stack: Stack) -> None:
    team_stack.predict(PULocationID=IS_SLOW, trip_distance=1.1, request_id="slow")
    team_stack.predict(request_id="quick")

    slow = find(team_stack, WEB, request_id="slow")
    find(team_stack, WEB, request_ids=["quick"])

    assert slow["level"] == "WARNING"
    assert slow["total_ms"] > 1000
    assert not [line for line in team_stack.log_lines(WEB) if line.get("request_id") == "quick"]
