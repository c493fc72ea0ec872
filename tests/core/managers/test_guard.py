"""The guard over entries as web processes write them: a canary that is fine, and three that are not."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import date
from pathlib import Path
from threading import Event, Thread
from typing import Any

import polars as pl
import pytest
import redis
from loguru import logger
from sqlalchemy.exc import OperationalError

from core.managers.guard import MAX_PAUSE_S, CanaryGuard
from core.managers.record_files import RecordFiles
from core.managers.recorder import Recorder
from core.managers.records import FIELD, STREAM
from core.schemas.record import Record, RecordEntry
from core.schemas.route import Canary, Route
from core.services.canary_guard import GuardLimits
from core.utilities.errors import RouteRefusedError
from tests.core.managers.record_rows import VALUES, new_entry, new_record
from tests.e2e.processes import Broker, wait_until

MODEL = "trip_duration"
LIVE = Route(champion="v1", canary=Canary(version="v2", share=0.1), revision=3)
FEATURES = ("PULocationID", "DOLocationID", "trip_distance", "pickup_datetime")
Change = Callable[[Record], Record]


class AtOnce(Executor):
    """Does what it is given at once, so that a test knows when it is done."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        try:
            done.set_result(function(*arguments, **options))
        except Exception as error:  # noqa: BLE001 (it is the future's)
            done.set_exception(error)
        return done


class Watched:
    """A guard, the routes that it sees, a clock, and whom it stopped."""

    def __init__(self, route: Route = LIVE) -> None:
        self.routes = {MODEL: route}
        self.now, self.jumped = 1000.0, 0.0
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
            clock=lambda: self.now + self.jumped,
            steady=lambda: self.now,
            executor=AtOnce(),
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

    def see(self, canary: Change = lambda record: record, *, rows: int = 3000, batch_request: str = "") -> None:
        """Show answers of both to trips of the same kind, the canary's changed; to single requests unless one is named."""
        records = []
        for number in range(rows):
            record = new_record(str(number), time=self.now + self.jumped, prediction=self._dice.gauss(20, 5))
            record = record._replace(predict_ms=self._dice.uniform(2, 4))
            is_canary = number % 10 == 0
            records.append(canary(record._replace(version="v2", role="canary")) if is_canary else record)
        entry = RecordEntry.of_rows(MODEL, records, [VALUES] * rows, features=FEATURES)
        if batch_request:
            entry = replace(entry, columns={**entry.columns, "request_id": batch_request})
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
    return record._replace(predict_ms=37.0 + (record.predict_ms or 0.0))


def held_up_once(record: Record) -> Record:
    """As many rows of one batch as a moment's pause of the machine makes late."""
    return record._replace(predict_ms=40.0) if int(record.request_id) < 300 else record


def test_a_canary_as_the_champion_is_left_alone() -> None:
    watched = Watched()
    for _ in range(20):
        watched.see()
        watched.tick()
    assert watched.stopped == []


def test_a_canary_of_which_one_large_batch_was_held_up_is_left_alone() -> None:
    watched = Watched()
    for _ in range(4):
        watched.see(held_up_once)
        watched.tick()
    assert watched.stopped == []


def test_rows_of_a_batch_request_have_the_times_of_all_of_it() -> None:
    watched = Watched()
    watched.see(slow, batch_request="one")
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


def test_records_move_while_a_canary_is_being_stopped(broker: Broker, tmp_path: Path) -> None:
    asked, go_on, stop = Event(), Event(), Event()

    def stop_canary(*_: str) -> None:
        asked.set()
        go_on.wait(60)

    guard = CanaryGuard(routes=lambda: {MODEL: LIVE}, stop_canary=stop_canary, limits=GuardLimits(), window_s=60.0)
    files = RecordFiles(tmp_path, keep_days=0, today=date.today)
    recorder = Recorder(broker.url, files=files, roll_s=0.1, onlookers=[guard])
    thread = Thread(target=recorder.run, args=[stop])
    thread.start()
    try:
        with redis.Redis.from_url(broker.url) as client:

            def send(*ids: str) -> None:
                records = [raising(new_record(name, time=time.time(), version="v2", role="canary")) for name in ids]
                entry = RecordEntry.of_rows(MODEL, records, [VALUES] * len(ids), features=FEATURES)
                client.xadd(STREAM, {FIELD: entry.encode()})

            def is_asked() -> bool:
                send(*map(str, range(300)))
                return asked.wait(0.2)

            wait_until(is_asked, what="the canary is to be stopped")
            send("meanwhile")
            wait_until(lambda: "meanwhile" in recorded(tmp_path), what="a record is in a file")
            wait_until(lambda: client.xlen(STREAM) == 0, what="the stream is empty")
            assert not go_on.is_set()
    finally:
        go_on.set()
        stop.set()
        thread.join(60)


def recorded(folder: Path) -> set[str]:
    return {name for path in folder.rglob("*.parquet") for name in pl.read_parquet(path)["request_id"]}


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


def test_a_clock_that_is_set_back_does_not_blind_it() -> None:
    watched = Watched()
    watched.see()
    watched.failure = RouteRefusedError("no")
    watched.jumped = -3600.0
    watched.see(raising)
    watched.tick()
    assert watched.tries == 1
    watched.jumped, watched.failure = -7200.0, None
    watched.tick(3.0)
    assert len(watched.stopped) == 1


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
