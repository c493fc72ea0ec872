from pathlib import Path

import polars as pl
import pytest

from core.handlers.tlc import check_parquet, read_trips
from core.utilities.errors import DataError
from tests.core.handlers.tlc_files import real_file, write_trips


def test_only_valid_trips_are_kept(tmp_path: Path) -> None:
    trips = [
        (1, 2, 1.0, 1.0),
        (1, 3, 99.9, 60.0),
        (1, 4, 1.0, 0.9),
        (1, 4, 1.0, 60.1),
        (1, 4, 100.0, 30.0),
        (1, 4, -0.1, 30.0),
        (0, 4, 1.0, 30.0),
        (1, 266, 1.0, 30.0),
    ]
    kept = read_trips([write_trips(tmp_path / "a.parquet", trips)])
    assert kept.columns["DOLocationID"].tolist() == [2, 3]
    assert kept.labels.tolist() == [1.0, 60.0]


def test_files_of_different_column_types_are_read_together(tmp_path: Path) -> None:
    files = [
        write_trips(tmp_path / "a.parquet", [(1, 2, 1.0, 10.0)]),
        write_trips(tmp_path / "b.parquet", [(3, 4, 1.0, 10.0)], zone_type=pl.Int32),
    ]
    assert read_trips(files).columns["PULocationID"].tolist() == [1, 3]


def test_a_file_without_a_valid_trip_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no valid trip"):
        read_trips([write_trips(tmp_path / "a.parquet", [(1, 2, 1.0, 0.0)])])


def test_a_truncated_file_is_an_error(tmp_path: Path) -> None:
    path = write_trips(tmp_path / "a.parquet", [(1, 2, 1.0, 10.0)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"a\.parquet"):
        check_parquet(path)


def test_a_file_of_other_columns_is_an_error(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="ColumnNotFound"):
        check_parquet(tmp_path / "a.parquet")


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        check_parquet(tmp_path / "none.parquet")


@pytest.mark.parametrize(("month", "rows"), [("2021-01", 73_846), ("2021-02", 61_895)])
def test_the_filters_keep_the_trips_that_the_published_figures_are_about(month: str, rows: int) -> None:
    assert len(read_trips([real_file(month)]).labels) == rows


@pytest.mark.parametrize("month", ["2023-01", "2024-01"])
def test_later_years_are_read_too(month: str) -> None:
    assert len(read_trips([real_file(month)]).labels) > 50_000
