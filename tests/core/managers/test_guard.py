"""The guard over entries as web processes write them: a canary that is fine, and three that are not."""

import random
from collections.abc import Callable

import pytest

from core.managers.guard import CanaryGuard
from core.schemas.record import Record, RecordEntry
from core.schemas.route import Canary, Route
from core.services.canary_guard import GuardLimits
from core.utilities.errors import RouteRefusedError
from tests.core.managers.record_rows import VALUES, new_record

MODEL = "trip_duration"
LIVE = Route(champion="v1", canary=Canary(version="v2", share=0.1), revision=3)
Change = Callable[[Record], Record]


class Watched:
    """A guard, the routes that it sees, a clock, and whom it stopped."""

    def __init__(self, route: Route = LIVE) -> None:
        self.routes = {MODEL: route}
        self.now = 1000.0
        self.stopped: list[tuple[str, str, str]] = []
        self.refuses = False
        self._dice = random.Random(1)  # noqa: S311 (test data)
        self.guard = CanaryGuard(
            routes=lambda: self.routes,
            stop_canary=self._stop,
            limits=GuardLimits(),
            window_s=60.0,
            clock=lambda: self.now,
        )
        self.guard.tick()

    def _stop(self, model: str, version: str, why: str) -> None:
        if self.refuses:
            raise RouteRefusedError("no worker")
        self.stopped.append((model, version, why))

    def see(self, canary: Change = lambda record: record, *, rows: int = 3000) -> None:
        """Show answers of both to trips of the same kind, the canary's changed."""
        records = []
        for number in range(rows):
            record = new_record(str(number), time=self.now, prediction=self._dice.gauss(20, 5))
            is_canary = number % 10 == 0
            records.append(canary(record._replace(version="v2", role="canary")) if is_canary else record)
        features = ("PULocationID", "DOLocationID", "trip_distance", "pickup_datetime")
        entry = RecordEntry.of_rows(MODEL, records, [VALUES] * rows, features=features)
        self.guard.look(entry.encode())

    def tick(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.guard.tick()


def skewed(record: Record) -> Record:
    return record._replace(prediction=(record.prediction or 0.0) * 1.5)


def raising(record: Record) -> Record:
    return record._replace(prediction=None, error="model_error")


def slow(record: Record) -> Record:
    return record._replace(predict_ms=40.0)


def test_a_canary_as_the_champion_is_left_alone() -> None:
    watched = Watched()
    for _ in range(20):
        watched.see()
        watched.tick()
    assert watched.stopped == []


@pytest.mark.parametrize(
    ("canary", "reason"), [(skewed, "not distributed"), (raising, "failed on"), (slow, "took up to")]
)
def test_a_canary_that_leaves_its_bounds_is_stopped_once_with_the_reason(canary: Change, reason: str) -> None:
    watched = Watched()
    for _ in range(3):
        watched.see(canary)
        watched.tick()
    ((model, version, why),) = watched.stopped
    assert (model, version) == (MODEL, "v2")
    assert reason in why


def test_a_canary_that_cannot_be_stopped_is_tried_again() -> None:
    watched = Watched()
    watched.refuses = True
    watched.see(raising)
    watched.tick()
    watched.refuses = False
    watched.tick()
    assert len(watched.stopped) == 1


def test_what_is_older_than_the_window_does_not_count() -> None:
    watched = Watched()
    watched.see(raising)
    watched.tick(61.0)
    assert watched.stopped == []


def test_another_route_begins_with_nothing_seen() -> None:
    watched = Watched()
    watched.see(raising)
    watched.routes[MODEL] = LIVE.model_copy(update={"revision": 4})
    watched.tick()
    assert watched.stopped == []


def test_what_a_caller_asked_for_by_name_does_not_count() -> None:
    watched = Watched()
    watched.see(lambda record: raising(record)._replace(role="explicit"))
    watched.tick()
    assert watched.stopped == []


def test_without_a_canary_nothing_is_watched() -> None:
    watched = Watched(Route(champion="v1"))
    watched.see(raising)
    watched.tick()
    assert watched.stopped == []
