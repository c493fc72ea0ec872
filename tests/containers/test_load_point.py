"""Processor time as both versions of control groups tell it, and the table of the throughput."""

import pytest

from tests.containers.load_point import Point, parse_cpu, points_table


@pytest.mark.parametrize(
    "text", ["usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n", "2500000000\n"], ids=["second", "first"]
)
def test_a_control_group_tells_its_seconds(text: str) -> None:
    assert parse_cpu(text) == 2.5


def test_a_point_is_a_line_of_the_table() -> None:
    point = Point(
        model="dial", workers=2, requests_per_s=1234.5, p50_ms=10, p99_ms=20, errors=0, cores={"web": 0.5, "wrk": 0.123}
    )
    assert points_table([point]).splitlines() == [
        "| model | workers | requests/s | p50 ms | p99 ms | errors | web, cores | wrk, cores |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| dial | 2 | 1,234 | 10 | 20 | 0 | 0.50 | 0.12 |",
    ]
