from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from core.managers.record_reader import RecordReader, features_of
from core.schemas.catalog import TIP_SHARE, TRIP_DURATION
from core.utilities.errors import DataError
from tests.core.managers.record_rows import new_record
from tests.core.managers.recorded import store_records

MODEL = TRIP_DURATION.model
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def reader(tmp_path: Path) -> RecordReader:
    """A record an hour over two days, named by the hours from noon, in files of six."""
    for start in range(-24, 24, 6):
        hours = range(start, start + 6)
        records = [new_record(str(hour), time=(NOON + timedelta(hours=hour)).timestamp()) for hour in hours]
        store_records(tmp_path, *records)
    return RecordReader(tmp_path)


def ids(records: pl.DataFrame) -> list[int]:
    return [int(name) for name in records["request_id"]]


def test_a_request_is_found_among_all_files(reader: RecordReader) -> None:
    (found,) = reader.of_request("-7")
    assert found.select("request_id", "model", "prediction").rows() == [("-7", MODEL, 12.0)]
    assert reader.of_request("99") == []


def test_the_last_rows_are_the_newest_in_the_order_of_time(reader: RecordReader) -> None:
    assert ids(reader.last(MODEL, 8)) == [*range(16, 24)]
    assert ids(reader.last(MODEL, 1000)) == [*range(-24, 24)]


def test_a_period_begins_with_its_start_and_ends_before_its_end(reader: RecordReader) -> None:
    found = reader.between(MODEL, NOON - timedelta(hours=13), NOON + timedelta(hours=2))
    assert ids(found) == [*range(-13, 2)]


def test_where_nothing_is_recorded_nothing_is_found(reader: RecordReader, tmp_path: Path) -> None:
    assert reader.last(TIP_SHARE.model, 5).is_empty()
    assert RecordReader(tmp_path / "nowhere").of_request("1") == []
    assert reader.between(MODEL, NOON + timedelta(days=9), NOON + timedelta(days=10)).is_empty()


def test_features_come_back_as_they_came_off_the_wire(tmp_path: Path) -> None:
    values = [(130, 205, 3, None), (1, 2, 0.5, None)]
    store_records(tmp_path, new_record("a"), new_record("b"), values=values)
    found = RecordReader(tmp_path).last(MODEL, 2)
    assert features_of(found) == {"PULocationID": [130, 1], "DOLocationID": [205, 2], "trip_distance": [3.0, 0.5]}


def test_a_feature_that_came_later_is_missing_in_older_rows(tmp_path: Path) -> None:
    store_records(tmp_path, new_record("old", time=NOON.timestamp()))
    (old,) = tmp_path.rglob("*.parquet")
    frame = pl.read_parquet(old)
    kept = [name for name in TRIP_DURATION.features if name != "trip_distance"]
    frame.with_columns(features=pl.struct(pl.col("features").struct.field(*kept))).write_parquet(old)
    store_records(tmp_path, new_record("new", time=NOON.timestamp() + 1))
    found = RecordReader(tmp_path).last(MODEL, 2)
    assert ids_and_miles(found) == [("old", None), ("new", 3.0)]


def ids_and_miles(records: pl.DataFrame) -> list[tuple[str, float | None]]:
    return [(row["request_id"], row["features"]["trip_distance"]) for row in records.iter_rows(named=True)]


def test_a_file_that_is_none_is_told_in_one_line(reader: RecordReader, tmp_path: Path) -> None:
    next(tmp_path.rglob("*.parquet")).write_bytes(b"nonsense")
    with pytest.raises(DataError, match="cannot be read"):
        reader.of_request("1")
