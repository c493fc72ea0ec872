"""Write small files in the format of the TLC, and find the real ones."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

REAL_DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
START = datetime(2021, 1, 1, 12)  # noqa: DTZ001 (the TLC's times have no zone)


def real_file(month: str) -> Path:
    """Return the TLC's file of a month; skip the test where there is none."""
    path = REAL_DATA / f"green_tripdata_{month}.parquet"
    if not path.exists():
        pytest.skip(f"needs ../shared/data/{path.name}")
    return path


def write_trips(path: Path, trips: list[tuple[int, int, float, float]], *, zone_type: Any = pl.Int64) -> Path:
    """Write trips of (pickup zone, drop-off zone, miles, minutes)."""
    frame = pl.DataFrame(
        {
            "VendorID": [2] * len(trips),
            "lpep_pickup_datetime": [START] * len(trips),
            "lpep_dropoff_datetime": [START + timedelta(minutes=trip[3]) for trip in trips],
            "PULocationID": pl.Series([trip[0] for trip in trips], dtype=zone_type),
            "DOLocationID": pl.Series([trip[1] for trip in trips], dtype=zone_type),
            "trip_distance": [trip[2] for trip in trips],
        }
    )
    frame.write_parquet(path)
    return path


def month_of_trips(path: Path, *, miles: float = 1.0) -> Path:
    """Write trips of ``miles`` and more between zones 1..15 that a model can be fitted to."""
    trips = [(1 + n % 15, 1 + (n * 7) % 13, miles + n % 9, 3.0 + 2.0 * (n % 9) + 0.2 * (n % 15)) for n in range(600)]
    return write_trips(path, trips)
