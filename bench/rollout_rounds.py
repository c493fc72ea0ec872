"""The same load on two systems in turn."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any

from bench.figures import Spread, ratio
from bench.measurement import measure, warm_up
from bench.record import Point
from bench.rollout_records import POLL_S
from bench.rollout_system import Routed
from bench.run import SETTLE_S
from bench.wrk import LoadError

CONNECTIONS = 64
WARM_UP_S = 1
RECORDER_START_S = 3.0
"""The launcher starts the recorder once the system answers, and starting is no part of a reading."""
FIRST_FILE_TIMEOUT_S = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """The same load on two systems, in turn."""

    names: tuple[str, str]
    points: dict[str, list[Point]]

    @property
    def ratio(self) -> Spread:
        """Requests a second of the second by those of the first."""
        first, second = ([point.requests_per_s for point in self.points[name]] for name in self.names)
        return ratio(second, first)

    @property
    def cpu_ratio(self) -> Spread:
        """CPU seconds a request of the second by those of the first, wrk's left out; drifts less than throughput."""
        first, second = ([_cpu(point) for point in self.points[name]] for name in self.names)
        return ratio(second, first)

    def as_json(self) -> dict[str, Any]:
        """Return all readings, and the ratios."""
        points = {name: [point.model_dump(mode="json") for point in self.points[name]] for name in self.names}
        return {
            "points": points,
            "ratio": asdict(self.ratio),
            "cpu_ratio": asdict(self.cpu_ratio),
            "errors": self.errors,
        }

    @property
    def errors(self) -> int:
        """Requests that failed."""
        return sum(point.errors for points in self.points.values() for point in points)


def _cpu(point: Point) -> float:
    return sum(spent for kind, spent in point.cpu_s_per_1000.items() if kind != "generator")


def wait_for_first_file(routed: Routed) -> None:
    """Wait for the recorder's first file: with it, it loads its libraries, once in its life."""
    give_up = time.monotonic() + FIRST_FILE_TIMEOUT_S
    while not any(routed.records_dir.glob("**/*.parquet")):
        if time.monotonic() > give_up:
            raise LoadError("the recorder wrote nothing")
        time.sleep(POLL_S)


def in_turn(
    systems: Mapping[str, Callable[[], AbstractContextManager[Routed]]],
    *,
    rounds: int,
    seconds: int,
    say: Say,
    then: Callable[[Routed, int], None],
) -> Rounds:
    """Measure two systems that run beside each other, in turn, A B B A …; one idles while the other is loaded.

    Short readings in quick turn, as a machine that others use changes its speed within a minute. ``then`` sees the
    second system and how many requests it was sent.
    """
    first, second = names = tuple(systems)
    points: dict[str, list[Point]] = {name: [] for name in names}
    with systems[first]() as reference, systems[second]() as routed:
        running = {first: reference, second: routed}
        if second == "three":
            routed.route_three()
        for each in running.values():
            warm_up(each.running, seconds=WARM_UP_S)
        wait_for_first_file(routed)
        time.sleep(RECORDER_START_S)
        for number in range(rounds):
            for name in names[:: -1 if number % 2 else 1]:
                time.sleep(SETTLE_S)
                point = measure(
                    running[name].running,
                    model="linear",
                    contender=name,
                    connections=CONNECTIONS,
                    seconds=seconds,
                    number=number,
                )
                points[name].append(point)
                cpu = ", ".join(f"{kind} {spent * 1000:.0f} µs" for kind, spent in point.cpu_s_per_1000.items())
                say(f"round {number + 1}, {name}: {point.requests_per_s:,.0f}/s, p99 {point.p99_ms:.1f} ms ({cpu})")
        then(routed, sum(point.requests for point in points[second]))
    return Rounds(names=(first, second), points=points)
