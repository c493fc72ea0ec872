"""Read taxi trips from the parquet files that the NYC TLC publishes.

Source of the format: https://www.nyc.gov/site/tlc/about/tlc-trip-record-data.page
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from core.handlers.examples import Examples
from core.schemas.trip import ZONE_ID_MAX, ZONE_ID_MIN
from core.utilities.errors import DataError

SHORTEST_MIN = 1.0
LONGEST_MIN = 60.0
DISTANCE_END_MILES = 100.0
"""A green-taxi trip of an hour at most and of 100 miles or more is a data error (some claim 244,152 miles)."""

PICKUP_TIME = "lpep_pickup_datetime"
DROPOFF_TIME = "lpep_dropoff_datetime"
FEATURES = {"PULocationID": pl.Int64, "DOLocationID": pl.Int64, "trip_distance": pl.Float64}


def filters() -> dict[str, Any]:
    """Return the filters' parameters, for the manifest."""
    return {
        "duration_min": [SHORTEST_MIN, LONGEST_MIN],
        "trip_distance_below_miles": DISTANCE_END_MILES,
    }


def read_trips(files: Sequence[Path]) -> Examples:
    """Read green-taxi files and keep the valid trips.

    Kept are trips of 1..60 minutes, under 100 miles, between zones of 1..265. Column types differ by year
    (zone ids of 32 and 64 bits), so they are cast; further columns are not read.

    Raises
    ------
    DataError
        If a file cannot be read, misses a column, or no trip is left.
    """
    trips = pl.concat([_read(path) for path in files])
    if trips.is_empty():
        raise DataError(f"no valid trip in {', '.join(path.name for path in files)}")
    return Examples(
        columns={name: trips[name].to_numpy() for name in (*FEATURES, "pickup_datetime")},
        labels=trips["duration_min"].to_numpy(),
    )


def check_parquet(path: Path) -> None:
    """Check that a file is whole: its footer and every column that training reads.

    Raises
    ------
    DataError
        If it is not.
    """
    _read(path)


def _read(path: Path) -> pl.DataFrame:
    minutes = (pl.col(DROPOFF_TIME) - pl.col(PICKUP_TIME)).dt.total_microseconds() / 60e6
    try:
        return (
            pl.read_parquet(path, columns=[PICKUP_TIME, DROPOFF_TIME, *FEATURES])
            .select(
                minutes.alias("duration_min"),
                pl.col(PICKUP_TIME).dt.truncate("1s").cast(pl.Datetime("ms")).alias("pickup_datetime"),
                *(pl.col(name).cast(kind) for name, kind in FEATURES.items()),
            )
            .filter(
                pl.col("duration_min").is_between(SHORTEST_MIN, LONGEST_MIN),
                pl.col("trip_distance").is_between(0.0, DISTANCE_END_MILES, closed="left"),
                *(pl.col(name).is_between(ZONE_ID_MIN, ZONE_ID_MAX) for name in ("PULocationID", "DOLocationID")),
            )
        )
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path.name} is not a readable file of green-taxi trips ({type(error).__name__})") from error
