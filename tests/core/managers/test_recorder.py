"""The recorder over a real Redis: whatever happens, each record is in exactly one file."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event

import polars as pl
import pytest
import redis

from core.managers.record_files import RecordFiles
from core.managers.recorder import Recorder
from core.managers.records import FIELD, STREAM
from core.schemas.record import RecordEntry
from tests.core.managers.record_rows import new_entry
from tests.e2e.processes import ROOT, Broker, running, wait_until

DAY_1, DAY_2 = (datetime(2026, 3, day, 12, tzinfo=UTC).timestamp() for day in (1, 2))
NEVER_S = 3600.0


def write(broker: Broker, *entries: RecordEntry | bytes) -> None:
    with redis.Redis.from_url(broker.url) as client:
        for entry in entries:
            client.xadd(STREAM, {FIELD: entry if isinstance(entry, bytes) else entry.encode()})


def waiting(broker: Broker) -> int:
    with redis.Redis.from_url(broker.url) as client:
        return int(client.xlen(STREAM))


def ids_in(folder: Path) -> list[str]:
    return sorted(name for path in folder.rglob("*.parquet") for name in pl.read_parquet(path)["request_id"])


class Seen:
    """Remembers what it sees."""

    def __init__(self) -> None:
        self.entries: list[RecordEntry] = []
        self.ticks = 0

    def look(self, content: bytes) -> None:
        self.entries.append(RecordEntry.decode(content))

    def tick(self) -> None:
        self.ticks += 1


def new_recorder(broker: Broker, folder: Path, *, roll_s: float = 0.0, onlooker: Seen | None = None) -> Recorder:
    files = RecordFiles(folder, keep_days=0, today=lambda: date(2026, 3, 3))
    return Recorder(broker.url, files=files, roll_s=roll_s, onlookers=[onlooker] if onlooker else [])


def work(recorder: Recorder) -> None:
    """Read once, and write what is due."""
    recorder.turn(Event())


@contextmanager
def process(broker: Broker, folder: Path, *, roll_s: float) -> Iterator[subprocess.Popen[bytes]]:
    env = {
        "CELERY_BROKER_URL": broker.url,
        "CELERY_RESULT_BACKEND": broker.url,
        "DATA_DIR": str(folder),
        "LOG_DIR": str(folder / "logs"),
        "RECORD_ROLL_S": str(roll_s),
        "RECORD_KEEP_DAYS": "0",
    }
    with running(sys.executable, "-m", "apps.recorder", log=folder / "recorder.log", env=env) as started:
        yield started


def test_records_lie_by_model_and_day(broker: Broker, tmp_path: Path) -> None:
    write(broker, new_entry("a", "b", time=DAY_1), new_entry("c", time=DAY_2))
    work(new_recorder(broker, tmp_path))
    folder = tmp_path / "model=trip_duration"
    assert [ids_in(folder / f"date=2026-03-0{day}") for day in (1, 2)] == [["a", "b"], ["c"]]
    assert waiting(broker) == 0


def test_a_record_keeps_its_values(broker: Broker, tmp_path: Path) -> None:
    write(broker, new_entry("a", time=DAY_1 + 0.25, prediction=0.1 + 0.2, total_ms=None))
    work(new_recorder(broker, tmp_path))
    (path,) = tmp_path.rglob("*.parquet")
    (row,) = pl.read_parquet(path).to_dicts()
    assert row == {
        "request_id": "a",
        "transaction_id": "t-a",
        "row": 0,
        "time": datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC),
        "version": "v1",
        "role": "champion",
        "prediction": 0.1 + 0.2,
        "error": None,
        "queue_ms": 1.0,
        "features_ms": 2.0,
        "predict_ms": 3.0,
        "total_ms": None,
        "features": {"PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0, "pickup_datetime": None},
    }


def test_what_is_only_looked_at_is_not_kept(broker: Broker, tmp_path: Path) -> None:
    seen = Seen()
    write(broker, new_entry("a", kept=False, time=DAY_1), new_entry("b", time=DAY_1))
    work(new_recorder(broker, tmp_path, onlooker=seen))
    assert ids_in(tmp_path) == ["b"]
    assert [entry.column("request_id") for entry in seen.entries] == [["a"], ["b"]]
    assert seen.ticks == 1


def test_what_is_no_entry_does_not_stop_the_others(broker: Broker, tmp_path: Path) -> None:
    unknown = RecordEntry(model="no_such_model", rows=1, columns=new_entry("x").columns, features={})
    endless = new_entry("b", time=1e30)
    countless = RecordEntry(model="trip_duration", rows=1.0, columns=endless.columns, features={})  # type: ignore[arg-type]
    listed = RecordEntry(model="trip_duration", rows=1, columns=endless.columns, features=[])  # type: ignore[arg-type]
    timeless = [new_entry("c", time=time) for time in (-1e300, -1.0, -1.3e11, 2.6e11, 9.2e12)]
    write(broker, b"nonsense", unknown, endless, countless, listed, *timeless, new_entry("a", time=DAY_1))
    work(new_recorder(broker, tmp_path))
    assert ids_in(tmp_path) == ["a"]
    assert waiting(broker) == 0


def test_records_gather_until_they_are_due(broker: Broker, tmp_path: Path) -> None:
    recorder = new_recorder(broker, tmp_path, roll_s=NEVER_S)
    write(broker, new_entry("a", time=DAY_1))
    work(recorder)
    write(broker, new_entry("b", time=DAY_1))
    work(recorder)
    assert ids_in(tmp_path) == []
    recorder.close()
    assert ids_in(tmp_path) == ["a", "b"]
    assert len([*tmp_path.rglob("*.parquet")]) == 1


def test_one_recorder_works_and_another_takes_over(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.managers.recorder.LEASE_S", NEVER_S)
    first, second = new_recorder(broker, tmp_path, roll_s=NEVER_S), new_recorder(broker, tmp_path)
    write(broker, new_entry("a", time=DAY_1))
    work(first)
    write(broker, new_entry("b", time=DAY_1))
    work(second)
    assert ids_in(tmp_path) == []
    first.close()
    work(second)
    assert ids_in(tmp_path) == ["a", "b"]


def bury(broker: Broker) -> None:
    """Do what time does to the lease of the dead."""
    with broker.client() as client:
        client.delete("tripcast:recorder")


class Killed(Exception):
    pass


def test_a_kill_between_file_and_acknowledgement_repeats_nothing(
    broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = new_recorder(broker, tmp_path, roll_s=NEVER_S)
    write(broker, new_entry("a", time=DAY_1), new_entry("b", time=DAY_2))
    work(recorder)
    store = RecordFiles.store

    def store_and_die(*arguments: object, **options: object) -> int:
        store(*arguments, **options)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(RecordFiles, "store", store_and_die)
    with pytest.raises(Killed):
        recorder.roll()
    monkeypatch.undo()
    bury(broker)
    write(broker, new_entry("c", time=DAY_1))
    work(new_recorder(broker, tmp_path))
    assert ids_in(tmp_path) == ["a", "b", "c"]
    assert waiting(broker) == 0


def test_a_failure_in_between_is_as_a_kill(broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = new_recorder(broker, tmp_path)
    write(broker, new_entry("a", time=DAY_1))
    store = RecordFiles.store

    def store_and_lose_redis(*arguments: object, **options: object) -> int:
        store(*arguments, **options)  # type: ignore[arg-type]
        raise redis.ConnectionError

    monkeypatch.setattr(RecordFiles, "store", store_and_lose_redis)
    with pytest.raises(redis.ConnectionError):
        work(recorder)
    monkeypatch.undo()
    write(broker, new_entry("b", time=DAY_1))
    work(recorder)
    assert ids_in(tmp_path) == ["a", "b"]


def test_a_redis_that_lost_everything_is_written_from_anew(broker: Broker, tmp_path: Path) -> None:
    recorder = new_recorder(broker, tmp_path)
    work(recorder)
    with broker.client() as client:
        client.flushall()
    write(broker, new_entry("a", time=DAY_1))
    work(recorder)
    work(recorder)
    assert ids_in(tmp_path) == ["a"]


def test_killed_again_and_again_each_record_is_in_one_file(broker: Broker, tmp_path: Path) -> None:
    names = [f"{number:04}" for number in range(3000)]
    for start in range(0, len(names), 10):
        write(broker, new_entry(*names[start : start + 10], time=DAY_1))
    for round_ in range(4):
        with process(broker, tmp_path, roll_s=0.1) as started:
            files = len([*tmp_path.rglob("*.parquet")])
            write(broker, *(new_entry(f"more-{round_}-{number}", time=DAY_1) for number in range(50)))
            wait_until(lambda before=files: len([*tmp_path.rglob("*.parquet")]) > before, what="a file is there")  # type: ignore[misc]
            started.send_signal(signal.SIGKILL)
            started.wait()
            bury(broker)
    with process(broker, tmp_path, roll_s=0.1):
        wait_until(lambda: waiting(broker) == 0, what="the stream is empty")
    expected = sorted([*names, *(f"more-{round_}-{number}" for round_ in range(4) for number in range(50))])
    assert ids_in(tmp_path) == expected


def test_a_recorder_that_has_nothing_to_do_holds_no_library_for_it() -> None:
    code = "import sys, apps.recorder.__main__; print([name for name in ('polars', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "[]\n"
