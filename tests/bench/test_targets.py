import pytest

from bench.figures import Spread
from bench.record import ChunkPoint, Record
from bench.targets import Verdict, judge
from tests.bench.records import dial_points, point, record


def verdict(found: Record, what: str) -> Verdict:
    return next(verdict for verdict in judge(found) if verdict.what == what)


def test_ours_is_judged_against_each_contender_by_the_median_of_its_rounds() -> None:
    rounds = [(4000.0, 100.0), (4200.0, 200.0), (5000.0, 400.0)]
    points = [
        point(name, rate, round=number)
        for number, rates in enumerate(rounds)
        for name, rate in zip(("ours", "naive-queue"), rates, strict=True)
    ]

    found = verdict(record(*points), "linear, 64 connections: ours / naive-queue")

    assert found.value == Spread(21.0, 12.5, 40.0)
    assert found.reached
    assert found.limit == "≥ 20"


@pytest.mark.parametrize(("p99_ms", "reached"), [(30.0, True), (30.1, False)])
def test_a_limit_from_above_is_kept_up_to_itself(p99_ms: float, reached: bool) -> None:
    found = verdict(record(point("ours", 1.0, p99_ms=p99_ms)), "linear, 64 connections: p99 / p50 of ours")

    assert found.reached is reached


def test_ours_is_judged_by_the_faster_of_two_ways_to_batch() -> None:
    rates = {"ours": 900.0, "micro-batching": 600.0, "micro-batching-thread": 1000.0}
    points = [point(name, rate, model="trees") for name, rate in rates.items()]

    found = verdict(record(*points), "trees, 64 connections: ours / the faster micro-batching")

    assert found.value == Spread(0.9, 0.9, 0.9)


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    found = judge(record(point("ours", 1000.0)))

    assert {one.reached for one in found if "/ echo" in one.what} == {None}


def test_many_rows_are_compared_with_single_requests() -> None:
    chunk = ChunkPoint(kind="batch", round=0, rows=10_000, rows_per_s=40_000.0, errors=0)

    found = verdict(
        record(point("ours", 1000.0), chunks=[chunk]), "batch endpoint: rows/s / single requests/s at 64 connections"
    )

    assert found.value == Spread(40.0, 40.0, 40.0)


def test_an_error_anywhere_is_an_error() -> None:
    dial = [reading.model_copy(update={"errors": 1}) for reading in dial_points({0.0: 1.0})]

    found = verdict(record(point("echo", 1.0, errors=3), dial=dial), "errors, at all points together")

    assert found.value is not None
    assert found.value.middle == 5
    assert not found.reached
