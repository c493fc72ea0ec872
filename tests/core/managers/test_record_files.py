from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from core.handlers.record_tables import records_of
from core.managers.record_files import RecordFiles
from core.schemas.catalog import TRIP_DURATION
from tests.core.managers.record_rows import new_entry

TODAY = date(2026, 3, 10)


def new_files(folder: Path, *, keep_days: int = 0) -> RecordFiles:
    return RecordFiles(folder, keep_days=keep_days, today=lambda: TODAY)


def records(*request_ids: str, day: int) -> pl.DataFrame:
    time = datetime(2026, 3, day, tzinfo=UTC).timestamp()
    return records_of([new_entry(*request_ids, time=time)], entry=TRIP_DURATION)


def days(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("model=*/*"))


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    files = new_files(tmp_path)
    assert files.store("trip_duration", records("a", day=1), name="1-2") == 1
    assert files.store("trip_duration", records("b", day=1), name="1-2") == 0
    (path,) = tmp_path.rglob("*.parquet")
    assert pl.read_parquet(path)["request_id"].to_list() == ["a"]


def test_old_days_are_removed_and_young_ones_stay(tmp_path: Path) -> None:
    files = new_files(tmp_path, keep_days=3)
    for day in (1, 6, 7, 10):
        files.store("trip_duration", records("a", day=day), name="1-2")
    (tmp_path / "model=trip_duration" / "date=whenever").mkdir()
    files.tidy()
    assert days(tmp_path) == ["date=2026-03-07", "date=2026-03-10", "date=whenever"]


def test_what_somebody_put_beside_old_records_stays_and_keeps_no_others(tmp_path: Path) -> None:
    files = new_files(tmp_path, keep_days=3)
    for day in (1, 2, 3):
        files.store("trip_duration", records("a", day=day), name="1-2")
        (tmp_path / "model=trip_duration" / f"date=2026-03-0{day}" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "model=trip_duration" / "date=2026-03-04").touch()
    files.tidy()
    assert [*tmp_path.rglob("*.parquet")] == []
    assert len([*tmp_path.rglob(".ipynb_checkpoints")]) == 3


def test_without_a_limit_all_days_stay(tmp_path: Path) -> None:
    files = new_files(tmp_path)
    files.store("trip_duration", records("a", day=1), name="1-2")
    assert files.tidy() == []
    assert days(tmp_path) == ["date=2026-03-01"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    files = new_files(tmp_path)
    files.store("trip_duration", records("a", day=1), name="1-2")
    (path,) = tmp_path.rglob("*.parquet")
    left = path.with_name("3-4.parquet.unfinished")
    left.write_bytes(b"half")
    assert files.tidy() == [left]
    assert path.exists()


def test_a_whole_number_may_be_written_in_two_ways() -> None:
    entry = new_entry("a", "b")
    mixed = {**entry.features, "PULocationID": [130, 130.0], "trip_distance": [3, 3.5]}
    (frame,) = [
        records_of([type(entry)(model=entry.model, rows=2, columns=entry.columns, features=mixed)], entry=TRIP_DURATION)
    ]
    assert frame["features"].struct.field("PULocationID").to_list() == [130, 130]
    assert frame["features"].struct.field("trip_distance").to_list() == [3.0, 3.5]
