from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from core.handlers.extraction import Extraction
from core.handlers.quality import check_dropped, check_extracted, check_raw
from core.handlers.trip_sources import TRIP_SOURCES
from core.schemas.quality import QualityLimits
from core.utilities.errors import DataQualityError
from tests.core.handlers.extracted import MONTH, extracted, trip
from tests.core.handlers.tlc_files import REAL_DATA, month_of_trips, real_file

FILE = "green_tripdata_2021-01.parquet"
LIMITS = QualityLimits(null_share=0.1, outside_share=0.1)
LONG_AGO = datetime(2008, 12, 31)  # noqa: DTZ001 (the TLC's times have no zone)


def month(*bad: dict[str, Any]) -> pl.LazyFrame:
    """Return 100 trips, the last of which are bad."""
    return extracted(*[trip()] * (100 - len(bad)), *bad)


def check(trips: pl.LazyFrame) -> None:
    check_extracted(FILE, trips, TRIP_SOURCES["green"], month=MONTH, limits=LIMITS)


def raw(path: Path) -> Extraction:
    return Extraction(name="trips", source=TRIP_SOURCES["green"], file=path, format="parquet", month=MONTH)


def test_a_missing_column_and_a_wrong_type_are_reported_together(tmp_path: Path) -> None:
    path = month_of_trips(tmp_path / FILE)
    pl.read_parquet(path).drop("DOLocationID").with_columns(trip_distance=pl.lit("far")).write_parquet(path)
    with pytest.raises(DataQualityError) as raised:
        check_raw(FILE, raw(path))
    assert str(raised.value) == (
        f"{FILE}: column DOLocationID is missing, allowed: whole number; "
        f"{FILE}: type of trip_distance is VARCHAR, allowed: number"
    )


@pytest.mark.parametrize("column", ["PULocationID", "DOLocationID", "trip_distance", "pickup_at", "dropoff_at"])
def test_nulls_up_to_the_limit_pass_and_more_are_reported_with_their_share(column: str) -> None:
    bad = trip() | {column: None}
    check(month(*[bad] * 10))
    with pytest.raises(DataQualityError) as raised:
        check(month(*[bad] * 11))
    assert str(raised.value) == f"{FILE}: {column}: share of nulls is 11.00%, allowed: 10.00%"


@pytest.mark.parametrize(
    "wrong",
    [
        {"PULocationID": 0},
        {"DOLocationID": 266},
        {"trip_distance": 500.1},
        {"trip_distance": float("nan")},
        {"pickup_at": LONG_AGO},
    ],
)
def test_values_out_of_range_up_to_the_limit_pass_and_more_are_reported(wrong: dict[str, Any]) -> None:
    (column,) = wrong
    check(month(*[trip(**wrong)] * 10))
    with pytest.raises(DataQualityError) as raised:
        check(month(*[trip(**wrong)] * 11))
    assert str(raised.value) == f"{FILE}: {column}: share out of range is 11.00%, allowed: 10.00%"


def test_all_breaches_are_reported_at_once() -> None:
    bad = trip(PULocationID=0, trip_distance=None)
    with pytest.raises(DataQualityError, match=r"PULocationID.*trip_distance"):
        check(month(*[bad] * 50))


def test_a_column_of_another_type_is_reported() -> None:
    with pytest.raises(DataQualityError, match=r"type of PULocationID is Float64, allowed: Int64"):
        check(month().with_columns(pl.col("PULocationID").cast(pl.Float64)))


def test_a_file_with_hardly_a_row_is_reported() -> None:
    with pytest.raises(DataQualityError, match="number of rows is 1, allowed: 100 or more"):
        check(extracted(trip()))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("duration", {"minutes": 90.0}), ("distance", {"trip_distance": 101.0}), ("zone", {"PULocationID": 300})],
)
def test_the_share_that_each_filter_drops_is_measured_and_limited(name: str, wrong: dict[str, Any]) -> None:
    trips, limits = month(*[trip(**wrong)] * 10), QualityLimits(**{f"dropped_by_{name}": 0.1})
    quality = check_dropped(FILE, trips, TRIP_SOURCES["green"], limits=limits)
    assert (quality.rows, quality.kept, quality.dropped_share[name]) == (100, 90, 0.1)
    with pytest.raises(DataQualityError, match=rf"dropped by the {name} filter is 10.00%, allowed: 9.00%"):
        check_dropped(FILE, trips, TRIP_SOURCES["green"], limits=QualityLimits(**{f"dropped_by_{name}": 0.09}))


@pytest.mark.parametrize("name", ["2021-01", "2021-02", "2023-01", "2023-03", "2023-12", "2024-01"])
def test_the_real_months_pass_with_the_default_limits(name: str, tmp_path: Path) -> None:
    of_month, limits = date.fromisoformat(f"{name}-01"), QualityLimits()
    extraction = Extraction(
        name="trips", source=TRIP_SOURCES["green"], file=real_file(name), format="parquet", month=of_month
    )
    check_raw(name, extraction)
    extraction.write(tmp_path / "trips.parquet")
    trips = pl.scan_parquet(tmp_path / "trips.parquet")
    check_extracted(name, trips, TRIP_SOURCES["green"], month=of_month, limits=limits)
    quality = check_dropped(name, trips, TRIP_SOURCES["green"], limits=limits)
    assert 0.9 < quality.kept / quality.rows < 1


def test_yellow_trips_pass_too(tmp_path: Path) -> None:
    file = REAL_DATA / "yellow_tripdata_2021-01.head.csv"
    if not file.exists():
        pytest.skip(f"needs ../shared/data/{file.name}")
    extraction = Extraction(name="trips", source=TRIP_SOURCES["yellow"], file=file, format="csv", month=MONTH)
    check_raw(file.name, extraction)
    extraction.write(tmp_path / "trips.parquet")
    trips, limits = pl.scan_parquet(tmp_path / "trips.parquet"), QualityLimits()
    check_extracted(file.name, trips, TRIP_SOURCES["yellow"], month=MONTH, limits=limits)
    assert check_dropped(file.name, trips, TRIP_SOURCES["yellow"], limits=limits).kept > 20_000
