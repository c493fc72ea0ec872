"""The guard over entries as web processes write them: a canary that is fine, and three that are not."""

import random
from collections.abc import Callable, Iterator

import pytest
import redis
from loguru import logger
from sqlalchemy.exc import OperationalError

from core.managers.guard import MAX_PAUSE_S, CanaryGuard
from core.schemas.record import Record, RecordEntry
from core.schemas.route import Canary, Route
from core.services.canary_guard import GuardLimits
from core.utilities.errors import RouteRefusedError
from tests.core.managers.record_rows import VALUES, new_entry, new_record

MODEL = "trip_duration"
LIVE = Route(champion="v1", canary=Canary(version="v2", share=0.1), revision=3)
Change = Callable[[Record], Record]


class Watched:
    """A guard, the routes that it sees, a clock, and whom it stopped."""

    def __init__(self, route: Route = LIVE) -> None:
        self.routes = {MODEL: route}
        self.now = 1000.0
        self.stopped: list[tuple[str, str, str]] = []
        self.failure: Exception | None = None
        self.tries = 0
        self.blind = False
        self._dice = random.Random(1)  # noqa: S311 (test data)
        self.guard = CanaryGuard(
            routes=self._read_routes,
            stop_canary=self._stop,
            limits=GuardLimits(),
            window_s=60.0,
            clock=lambda: self.now,
        )
        self.guard.tick()

    def _read_routes(self) -> dict[str, Route]:
        if self.blind:
            raise redis.ConnectionError
        return self.routes

    def _stop(self, model: str, version: str, why: str) -> None:
        self.tries += 1
        if self.failure is not None:
            raise self.failure
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


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The lines of the log."""
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line)), level="INFO", format="{message}")
    yield lines
    logger.remove(sink)


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


@pytest.mark.parametrize("failure", [RouteRefusedError("no worker"), OperationalError("select", {}, Exception())])
def test_a_canary_that_cannot_be_stopped_is_tried_again_ever_later_and_told_once(
    failure: Exception, said: list[str]
) -> None:
    watched = Watched()
    watched.failure = failure
    watched.see(raising)
    for _ in range(20):
        watched.tick()
    assert len([line for line in said if "cannot be stopped" in line]) == 1
    assert 3 <= watched.tries <= 6
    watched.failure = None
    watched.tick(MAX_PAUSE_S)
    watched.tick(MAX_PAUSE_S)
    assert len(watched.stopped) == 1


def test_routes_that_cannot_be_read_for_a_while_stop_nothing_and_lose_nothing() -> None:
    watched = Watched()
    watched.see(raising)
    watched.blind = True
    watched.tick()
    watched.blind = False
    watched.tick()
    assert len(watched.stopped) == 1


@pytest.mark.parametrize("content", [b"nonsense", b"[]", new_entry("a", prediction="x").encode()])
def test_what_is_no_record_is_passed_over(content: bytes) -> None:
    watched = Watched()
    watched.guard.look(content)
    watched.see(raising)
    watched.tick()
    assert len(watched.stopped) == 1


def test_what_is_older_than_the_window_does_not_count() -> None:
    watched = Watched()
    watched.see(raising)
    watched.tick(61.0)
    assert watched.stopped == []


def test_of_very_many_answers_the_newest_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.managers.guard.MAX_ROWS", 3000)
    watched = Watched()
    watched.see(raising, rows=2000)
    for _ in range(12):
        watched.see(rows=2700)
    watched.tick()
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
