"""From records to a version: a model is trained on what it was served."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from apps.cli.__main__ import app
from core.managers.version_files import read_manifest
from core.schemas.catalog import TRIP_DURATION
from tests.core.managers.pipeline_files import month_file
from tests.core.managers.record_rows import new_record
from tests.core.managers.recorded import store_records

MODEL = TRIP_DURATION.model
MONTHS = ("2026-02", "2026-03")
TIMES = ("lpep_pickup_datetime", "lpep_dropoff_datetime")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def cli(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "300"})


def serve(folder: Path, month: str) -> pl.DataFrame:
    """Record a month of made-up trips as predicted; return what they took, by transaction."""
    trips = pl.read_parquet(month_file(folder / "made-up", month))
    pickups, dropoffs = (trips[name] for name in TIMES)
    names = [f"{month}-{number}" for number in range(len(trips))]
    times = [(pickup.replace(tzinfo=UTC) + timedelta(hours=5)).timestamp() for pickup in pickups]
    records = [new_record(name, time=time) for name, time in zip(names, times, strict=True)]
    values = zip(
        *(trips[name] for name in TRIP_DURATION.features[:-1]), pickups.dt.strftime("%Y-%m-%dT%H:%M:%S"), strict=True
    )
    store_records(folder / "data" / "records", *records, values=list(values))
    minutes = (dropoffs - pickups).dt.total_microseconds() / 60e6
    return pl.DataFrame({"transaction_id": [record.transaction_id for record in records], "duration_min": minutes})


def test_a_model_is_trained_on_what_it_was_served(folder: Path) -> None:
    pl.concat([serve(folder, month) for month in MONTHS]).write_parquet(folder / "labels.parquet")
    raw = folder / "raw"

    written = cli("models", "served", "--labels", folder / "labels.parquet", "--output", raw)
    assert written.exit_code == 0, written.output
    assert "1,800 of 1,800 recorded trips have a label and a time" in written.stdout

    months = ("--train-month", MONTHS[0], "--test-month", MONTHS[1])
    trained = cli("train", "--data", raw, *months, "--design", "linear", "--version", "served")
    assert trained.exit_code == 0, trained.output
    manifest = read_manifest(folder / "models" / MODEL / "served")
    assert set(manifest.training_data) == {f"green_tripdata_{MONTHS[0]}.parquet"}
    original = pl.read_parquet(folder / "made-up" / f"green_tripdata_{MONTHS[0]}.parquet")
    served = pl.read_parquet(raw / f"green_tripdata_{MONTHS[0]}.parquet")
    minutes = [(trips[TIMES[1]] - trips[TIMES[0]]).dt.total_microseconds() / 60e6 for trips in (served, original)]
    assert minutes[0].to_list() == pytest.approx(minutes[1].to_list(), abs=1 / 60)


def test_what_was_predicted_at_another_time_is_left_out(folder: Path) -> None:
    pl.concat([serve(folder, month) for month in MONTHS]).write_parquet(folder / "labels.parquet")
    arguments = ("--labels", folder / "labels.parquet", "--output", folder / "raw")
    written = cli("models", "served", *arguments, "--on", "2026-03-01..2026-04-30")
    assert written.exit_code == 0, written.output
    assert [path.name for path in (folder / "raw").iterdir()] == ["green_tripdata_2026-03.parquet"]


def test_a_file_that_is_there_is_not_replaced(folder: Path) -> None:
    serve(folder, MONTHS[0]).write_parquet(folder / "labels.parquet")
    arguments = ("--labels", folder / "labels.parquet", "--output", folder / "raw")
    assert cli("models", "served", *arguments).exit_code == 0
    again = cli("models", "served", *arguments)
    assert (again.exit_code, "there already" in again.stderr) == (1, True)


def test_where_nothing_fits_that_is_told_in_one_line(folder: Path) -> None:
    labels = folder / "labels.csv"
    labels.write_text("request_id,duration_min\nnobody,3\n")
    arguments = ("models", "served", "--labels", labels, "--output", folder / "raw")
    assert "no prediction" in cli(*arguments).stderr
    store_records(folder / "data" / "records", new_record("a", time=datetime(2026, 3, 1, tzinfo=UTC).timestamp()))
    assert "none of the recorded trips" in cli(*arguments).stderr
