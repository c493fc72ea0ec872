from datetime import date
from pathlib import Path

import polars as pl
import pytest

from core.handlers.extraction import Extraction
from core.handlers.preparation import PREPARATIONS, prepare
from core.handlers.taxi_zones import boroughs
from core.handlers.tlc import read_trips
from core.handlers.trip_sources import TRIP_SOURCES
from core.schemas.snapshot import Taxi
from tests.core.handlers.extracted import extracted, trip
from tests.core.handlers.tlc_files import REAL_DATA, real_file

GREEN = PREPARATIONS["green"]


@pytest.mark.parametrize(
    ("wrong", "taxi"),
    [
        ({"minutes": 0.99}, "green"),
        ({"minutes": 60.01}, "green"),
        ({"trip_distance": 100.0}, "green"),
        ({"trip_distance": -0.1}, "green"),
        ({"trip_distance": float("nan")}, "green"),
        ({"PULocationID": 0}, "green"),
        ({"DOLocationID": 266}, "green"),
        ({"pickup_at": None}, "green"),
        ({"trip_distance": 0.0}, "yellow"),
    ],
)
def test_what_is_no_trip_is_dropped(wrong: dict[str, object], taxi: Taxi) -> None:
    trips = prepare(extracted(trip(), trip(**wrong), trip()), PREPARATIONS[taxi]).collect()
    assert len(trips) == 2


def test_the_limits_themselves_are_kept_in_their_order() -> None:
    good = [trip(minutes=60.0), trip(minutes=1.0, trip_distance=99.99), trip(PULocationID=1, DOLocationID=265)]
    trips = prepare(extracted(*good), GREEN).collect()
    assert trips["duration_min"].to_list() == [60.0, 1.0, 10.0]


def test_what_is_missing_is_filled() -> None:
    trips = prepare(extracted(trip(trip_distance=None, DOLocationID=None)), GREEN).collect()
    assert trips.select("DOLocationID", "trip_distance", "dropoff_borough").row(0) == (264, 0.0, "Unknown")


def test_boroughs_are_added() -> None:
    trips = prepare(extracted(trip(PULocationID=1, DOLocationID=43)), GREEN).collect()
    assert trips.select("pickup_borough", "dropoff_borough").row(0) == ("EWR", "Manhattan")


def test_every_zone_lies_in_a_borough() -> None:
    assert list(boroughs()) == list(range(1, 266))


@pytest.mark.parametrize("month", ["2021-01", "2023-02"])
def test_green_months_are_prepared_as_the_reference_model_reads_them(month: str, tmp_path: Path) -> None:
    file = real_file(month)
    Extraction(name="trips", source=TRIP_SOURCES["green"], file=file, format="parquet", month=date(2021, 1, 1)).write(
        tmp_path / "trips.parquet"
    )
    trips, reference = prepare(pl.scan_parquet(tmp_path / "trips.parquet"), GREEN).collect(), read_trips([file])
    assert trips["duration_min"].to_list() == reference.labels.tolist()
    for name, values in reference.columns.items():
        assert trips[name].to_list() == values.tolist()


def test_yellow_trips_are_prepared(tmp_path: Path) -> None:
    file = REAL_DATA / "yellow_tripdata_2021-01.head.csv"
    if not file.exists():
        pytest.skip(f"needs ../shared/data/{file.name}")
    Extraction(name="trips", source=TRIP_SOURCES["yellow"], file=file, format="csv", month=date(2021, 1, 1)).write(
        tmp_path / "trips.parquet"
    )
    trips = prepare(pl.scan_parquet(tmp_path / "trips.parquet"), PREPARATIONS["yellow"]).collect()
    assert 20_000 < len(trips) < 22_792
    assert trips["trip_distance"].min() > 0  # type: ignore[operator]
