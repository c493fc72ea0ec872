import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest

from core.managers.raw_store import RawStore
from core.utilities.errors import DataError
from core.utilities.hashing import sha256_of_file
from tests.core.handlers.tlc_files import REAL_DATA, month_of_trips, real_file

NAME = "green_tripdata_2021-01.parquet"


@pytest.fixture
def store(tmp_path: Path) -> RawStore:
    return RawStore(tmp_path / "raw")


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    return month_of_trips(tmp_path / NAME)


def stored(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "raw").rglob("*") if path.is_file())


def test_a_snapshot_tells_what_came_from_where_and_when(store: RawStore, trips: Path) -> None:
    snapshot = store.ingest(trips, source="https://example.org/a")
    assert (snapshot.name, snapshot.rows, snapshot.source) == (NAME, 600, "https://example.org/a")
    assert snapshot.sha256 == sha256_of_file(trips)
    assert (snapshot.taxi, snapshot.month) == ("green", date(2021, 1, 1))
    assert snapshot.ingested_at.tzinfo is not None


def test_the_same_file_twice_is_stored_and_recorded_once(store: RawStore, trips: Path, tmp_path: Path) -> None:
    assert store.ingest(trips) == store.ingest(trips)
    assert stored(tmp_path) == ["data.parquet", f"{NAME}.json"]


def test_the_same_content_under_two_names_is_one_copy_with_two_records(
    store: RawStore, trips: Path, tmp_path: Path
) -> None:
    other = trips.with_name("green_tripdata_2021-02.parquet")
    other.write_bytes(trips.read_bytes())
    first, second = store.ingest(trips), store.ingest(other)
    assert store.open(first) == store.open(second)
    assert stored(tmp_path) == ["data.parquet", f"{NAME}.json", f"{other.name}.json"]


def test_the_copy_outlives_the_file_and_cannot_be_written(store: RawStore, trips: Path) -> None:
    snapshot = store.ingest(trips)
    content = trips.read_bytes()
    trips.unlink()
    assert store.open(snapshot).read_bytes() == content
    assert store.open(snapshot).stat().st_mode & 0o222 == 0


def test_a_copy_that_was_changed_is_not_used(store: RawStore, trips: Path) -> None:
    snapshot = store.ingest(trips)
    path = store.open(snapshot)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="was changed"):
        store.open(snapshot)
    path.unlink()
    with pytest.raises(DataError, match="not in the store"):
        store.open(snapshot)


def test_the_newest_snapshot_of_a_name_is_found(store: RawStore, trips: Path) -> None:
    assert store.find(NAME) is None
    store.ingest(trips)
    trips.write_bytes(month_of_trips(trips.with_name("x.parquet"), miles=2.0).read_bytes())
    newest = store.ingest(trips)
    assert store.find(NAME) == newest


def test_what_is_given_again_is_what_its_name_stands_for(store: RawStore, trips: Path, tmp_path: Path) -> None:
    first = store.ingest(trips)
    other = tmp_path / "other" / NAME
    other.parent.mkdir()
    second = store.ingest(month_of_trips(other, miles=2.0))
    assert store.find(NAME) == second
    store.ingest(trips)
    assert store.find(NAME) == first


def test_many_at_once_store_one_copy(store: RawStore, trips: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        snapshots = list(threads.map(lambda _: store.ingest(trips), range(16)))
    assert len(set(snapshots)) == 1
    assert stored(tmp_path) == ["data.parquet", f"{NAME}.json"]


def test_a_csv_is_taken_in_too(store: RawStore) -> None:
    path = REAL_DATA / "yellow_tripdata_2021-01.head.csv"
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{path.name}")
    snapshot = store.ingest(path)
    assert (snapshot.taxi, snapshot.format, snapshot.rows) == ("yellow", "csv", 22_792)


@pytest.mark.parametrize(("month", "rows"), [("2021-01", 76_518), ("2023-02", 64_809)])
def test_the_rows_of_the_real_months_are_counted(store: RawStore, month: str, rows: int) -> None:
    assert store.ingest(real_file(month)).rows == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda whole: whole[:-20], "truncated"),
        (lambda _: b"VendorID,trip_distance\n1,2.0\n", "says parquet"),
        (lambda _: b"", "says parquet"),
        (lambda whole: whole[:4] + os.urandom(64) + whole[-4:], "not a readable parquet"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_and_leaves_nothing(
    store: RawStore, trips: Path, tmp_path: Path, content: object, message: str
) -> None:
    trips.write_bytes(content(trips.read_bytes()))  # type: ignore[operator]
    with pytest.raises(DataError, match=rf"{NAME}.*{message}"):
        store.ingest(trips)
    assert stored(tmp_path) == []


@pytest.mark.parametrize("name", ["trips.parquet", "green_tripdata_2021-13.parquet", "green_tripdata_2021-01.txt"])
def test_a_file_of_another_name_is_refused(store: RawStore, trips: Path, name: str) -> None:
    with pytest.raises(DataError, match="named like"):
        store.ingest(trips.rename(trips.with_name(name)))


def test_a_missing_file_is_an_error(store: RawStore, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        store.ingest(tmp_path / NAME)
