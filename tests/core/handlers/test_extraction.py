import signal
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from core.handlers import extraction as module
from core.handlers.extraction import Extraction, is_of_kind
from core.handlers.trip_sources import TRIP_SOURCES
from core.schemas.snapshot import Taxi
from core.utilities.errors import DataError
from core.utilities.hashing import sha256_of_file
from tests.core.handlers.tlc_files import REAL_DATA, month_of_trips, real_file, write_trips

MONTH = date(2021, 1, 1)
SCHEMA = {
    "taxi": pl.String,
    "month": pl.Date,
    "pickup_at": pl.Datetime("us"),
    "dropoff_at": pl.Datetime("us"),
    "PULocationID": pl.Int64,
    "DOLocationID": pl.Int64,
    "trip_distance": pl.Float64,
}


def extraction(file: Path, *, taxi: Taxi = "green") -> Extraction:
    return Extraction(
        name="trips",
        source=TRIP_SOURCES[taxi],
        file=file,
        format="csv" if file.suffix == ".csv" else "parquet",
        month=MONTH,
    )


def extract(file: Path, target: Path, *, taxi: Taxi = "green") -> pl.DataFrame:
    extraction(file, taxi=taxi).write(target)
    return pl.read_parquet(target)


@pytest.mark.parametrize("month", ["2021-01", "2023-02", "2024-01"])
def test_the_years_come_out_with_the_same_columns_and_types(month: str, tmp_path: Path) -> None:
    raw = pl.read_parquet(real_file(month))
    trips = extract(real_file(month), tmp_path / "out.parquet")
    assert dict(trips.schema) == SCHEMA
    for name in ("PULocationID", "DOLocationID", "trip_distance"):
        assert trips[name].to_list() == raw[name].to_list()
    assert trips["pickup_at"].to_list() == raw["lpep_pickup_datetime"].to_list()


def test_yellow_taxis_come_out_like_green_ones(tmp_path: Path) -> None:
    path = REAL_DATA / "yellow_tripdata_2021-01.head.csv"
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{path.name}")
    trips = extract(path, tmp_path / "out.parquet", taxi="yellow")
    assert dict(trips.schema) == SCHEMA
    assert len(trips) == 22_792
    assert set(trips["taxi"]) == {"yellow"}


def test_the_month_is_the_bound_parameter(tmp_path: Path) -> None:
    trips = extract(month_of_trips(tmp_path / "a.parquet"), tmp_path / "out.parquet")
    assert set(trips["month"]) == {MONTH}


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    file = month_of_trips(tmp_path / "a.parquet")
    for name in ("1", "2"):
        extraction(file).write(tmp_path / name)
    assert sha256_of_file(tmp_path / "1") == sha256_of_file(tmp_path / "2")


def test_what_does_not_fit_into_memory_is_spilled_beside_the_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not where the process was started: a container cannot write there."""
    n_rows = 2_000_000
    raw, sql, out = tmp_path / "raw.parquet", tmp_path / "sorted.sql", tmp_path / "out" / "trips.parquet"
    pl.select(n=pl.int_range(n_rows)).with_columns(key=pl.col("n").hash(), text=pl.col("n").cast(str)).write_parquet(
        raw
    )
    sql.write_text("select $month as month, * from raw order by key")
    started_in = tmp_path / "read-only"
    for folder in (started_in, out.parent):
        folder.mkdir()
    (started_in / ".tmp").touch()
    monkeypatch.chdir(started_in)
    monkeypatch.setattr(module, "MEMORY_LIMIT", "40MB")

    replace(extraction(raw), source=replace(TRIP_SOURCES["green"], sql=sql)).write(out)

    keys = pl.read_parquet(out)["key"]
    assert len(keys) == n_rows
    assert keys.is_sorted()
    assert list(out.parent.iterdir()) == [out]


def test_a_file_that_is_broken_inside_is_named(tmp_path: Path) -> None:
    file = month_of_trips(tmp_path / "a.parquet")
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"^trips: "):
        extraction(file).write(tmp_path / "out.parquet")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    file = month_of_trips(tmp_path / "a.parquet")
    pl.read_parquet(file).drop("DOLocationID").write_parquet(file)
    with pytest.raises(DataError, match="DOLocationID"):
        extraction(file).write(tmp_path / "out.parquet")


def test_a_value_that_cannot_be_cast_is_an_error(tmp_path: Path) -> None:
    file = write_trips(tmp_path / "a.parquet", [(1, 2, 1.0, 10.0)])
    pl.read_parquet(file).with_columns(trip_distance=pl.lit("far")).write_parquet(file)
    with pytest.raises(DataError, match="far"):
        extraction(file).write(tmp_path / "out.parquet")


def test_an_error_does_not_show_the_machines_paths(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        extraction(tmp_path / "none.parquet").write(tmp_path / "out.parquet")
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.parametrize("month", ["2021-01", "2023-02"])
def test_the_real_months_have_the_columns_and_kinds_that_the_sql_reads(month: str) -> None:
    types = extraction(real_file(month)).column_types()
    assert all(is_of_kind(types[name], kind) for name, kind in TRIP_SOURCES["green"].raw_columns.items())


@pytest.mark.parametrize(("column_type", "kind"), [("VARCHAR", "number"), ("DOUBLE", "whole number")])
def test_another_kind_is_told_apart(column_type: str, kind: str) -> None:
    assert not is_of_kind(column_type, kind)
    assert is_of_kind("DECIMAL(18,3)", "number")


def test_ctrl_c_in_the_middle_of_a_query_is_ctrl_c(tmp_path: Path) -> None:
    """Another signal stands in for it here, with the same handler: the tests' own process must not end."""
    endless = tmp_path / "endless.sql"
    endless.write_text("select count(*) from range(100000000) a, range(100000000) b where $month is not null")
    trips = extraction(month_of_trips(tmp_path / "trips.parquet"))
    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGUSR1))
    unending = replace(trips, source=replace(trips.source, sql=endless))

    def interrupted() -> None:
        timer.start()
        unending.write(tmp_path / "out.parquet")

    try:
        with pytest.raises(KeyboardInterrupt):
            interrupted()
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)
