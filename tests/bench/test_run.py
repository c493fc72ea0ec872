import os
import shutil

import pytest

from bench.contender import ContenderError
from bench.lineup import CONTENDERS
from bench.models import Served, linear
from bench.run import Plan, Run

pytestmark = pytest.mark.e2e

SHORTEST = Plan(
    models=("linear",),
    contenders=("echo",),
    connections=(2,),
    rounds=1,
    seconds=3,
    warm_up_s=1,
    dial_per_call_us=(),
    bulk_rows=0,
)


@pytest.fixture(autouse=True)
def _wrk() -> None:
    if shutil.which("wrk") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have wrk: the benchmark is untested")
        pytest.skip("wrk is not installed")


def test_a_contender_is_measured_without_errors() -> None:
    said: list[str] = []

    record = Run(plan=SHORTEST, say=said.append).measure()

    [point] = record.points
    assert (point.model, point.contender, point.connections, point.errors) == ("linear", "echo", 2, 0)
    assert point.requests > 100
    assert point.cpu_s_per_1000["web"] > 0
    assert point.resident_mib["web"][0] > 10
    assert not point.restarted
    assert not record.skipped
    assert any("echo, 2 connections" in line for line in said)


def test_a_contender_that_answers_wrong_is_not_measured() -> None:
    right = linear()
    wrong = Served(name="linear", expected_min=right.expected_min + 1e-6)

    with pytest.raises(ContenderError, match="is right"), CONTENDERS["folded"].running(wrong):
        pytest.fail("it must not come this far")
