"""The log lines of both sides, and how they join."""

from datetime import datetime
from uuid import uuid4

import pytest

from tests.e2e.processes import Stack
from tests.e2e.team_models import IS_SLOW, RAISES
from tests.promises import check_time, tried_thrice

pytestmark = pytest.mark.e2e

WEB, WORKER = "apps/api", "tasks/trip"
TIMINGS = {"queue_ms", "features_ms", "predict_ms"}


def test_a_request_can_be_followed_from_web_to_worker(stack: Stack) -> None:
    answer = stack.predict(request_id="followed").json()

    request = stack.find_line(WEB, request_id="followed")
    sent = stack.find_line(WEB, task_id=request["task_id"], request_ids=["followed"])
    computed = stack.find_line(WORKER, task_id=request["task_id"], request_ids=["followed"])

    assert request["transaction_id"] == answer["transaction_id"]
    assert computed["version"] == sent["version"] == answer["model_version"]
    for line in (sent, computed):
        assert line.keys() >= TIMINGS
        assert all(line[name] >= 0 for name in TIMINGS)
    assert request["total_ms"] >= computed["features_ms"] + computed["predict_ms"]


def test_every_line_says_when_where_and_how_severe(stack: Stack) -> None:
    stack.predict(request_id="stamped")

    for side in (WEB, WORKER):
        stack.find_line(side, request_ids=["stamped"])
        for line in stack.log_lines(side):
            assert line.keys() >= {"time", "level", "logger", "message", "process", "pid"}
            assert datetime.fromisoformat(line["time"]).tzinfo is not None


def test_a_failed_row_is_logged_on_both_sides(team_stack: Stack) -> None:
    team_stack.predict(PULocationID=RAISES, request_id="fails")

    web = team_stack.find_line(WEB, request_id="fails", level="WARNING", code="model_error")
    worker = team_stack.find_line(WORKER, request_id="fails", level="WARNING", code="model_error")

    assert web["task_id"] == worker["task_id"]


@tried_thrice
def test_by_default_a_line_is_written_a_batch_and_for_each_slow_request(team_stack: Stack) -> None:
    team_stack.predict(PULocationID=IS_SLOW, trip_distance=1.1, request_id="slow")
    quick = team_stack.predict(request_id=f"quick-{uuid4()}")
    team_stack.predict(PULocationID=IS_SLOW, trip_distance=1.1, request_id=f"after-{quick.json()['request_id']}")

    slow = team_stack.find_line(WEB, request_id="slow")
    team_stack.find_line(WEB, request_ids=[quick.json()["request_id"]])
    team_stack.find_line(WEB, request_id=f"after-{quick.json()['request_id']}")

    assert slow["level"] == "WARNING"
    assert slow["total_ms"] > 1000
    check_time(quick.elapsed.total_seconds(), 1.0, what="the quick request")
    assert not [line for line in team_stack.log_lines(WEB) if line.get("request_id") == quick.json()["request_id"]]


def test_each_side_tells_of_a_setting_that_is_misspelt(own_stack: Stack) -> None:
    misspelt = {"MAX_BATCH_ROW": "7"}
    with own_stack.running(worker=misspelt, **misspelt):
        for side in (WEB, WORKER):
            own_stack.find_line(side, message="MAX_BATCH_ROW is no setting and has no effect; MAX_BATCH_ROWS is one")
