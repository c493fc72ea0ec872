from datetime import date
from pathlib import Path

import polars as pl
import pytest

from bench.scale import main, make_months, table
from bench.scale_run import StepFigures, peak_mib
from tests.core.managers.pipeline_files import month_file

pytestmark = pytest.mark.slow


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for month in ("2021-01", "2021-02"):
        month_file(tmp_path / "data", month)
    return tmp_path / "data"


def test_as_many_rows_are_made_as_asked_for_in_files_that_the_pipeline_takes(data: Path, tmp_path: Path) -> None:
    months = make_months(data, tmp_path / "made", rows=10_001, months=3)
    assert months == ["2031-01", "2031-02", "2031-03"]
    frames = [pl.read_parquet(tmp_path / "made" / f"green_tripdata_{month}.parquet") for month in months]
    assert [len(frame) for frame in frames] == [3334, 3334, 3333]
    for month, frame in zip(months, frames, strict=True):
        days = frame["lpep_pickup_datetime"].dt.date()
        assert days.min() >= date.fromisoformat(f"{month}-01")  # type: ignore[operator]
        assert days.n_unique() > 20
    assert not frames[0].equals(frames[1])


def test_the_same_rows_are_made_again_byte_for_byte(data: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_months(data, tmp_path / name, rows=5000, months=2)
    first, second = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_run_prints_what_each_step_took(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(data), "--folder", str(tmp_path / "x"), "--rows", "6000", "--until", "split"]
    assert main(options) == 0
    printed = capsys.readouterr().out
    assert all(f"| {step} |" in printed for step in ("ingest", "extract", "check", "prepare", "combine", "split"))
    assert "| all of 6,000 rows |" in printed


def test_a_step_s_peak_is_that_of_the_whole_where_it_is_the_highest() -> None:
    figures = [StepFigures("a", 1.0, 0.5, 100.0), StepFigures("b", 3.0, 2.5, 300.0)]
    assert table(figures, rows=8000).splitlines()[-1] == "| all of 8,000 rows | 4.0 | 3.0 | 2,000 | 300 MiB |"


def test_the_peak_is_not_less_than_what_a_large_object_takes() -> None:
    held = bytearray(64 << 20)
    assert peak_mib() > len(held) >> 20
