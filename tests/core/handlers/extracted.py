"""Trips as the extraction gives them."""

from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

MONTH = date(2021, 1, 1)
NOON = datetime(2021, 1, 5, 12)  # noqa: DTZ001 (the TLC's times have no zone)
COLUMNS = {"PULocationID": pl.Int64, "DOLocationID": pl.Int64, "trip_distance": pl.Float64}


def trip(**columns: Any) -> dict[str, Any]:
    """Return a good trip of 10 minutes, but for the columns given; ``minutes`` sets its end."""
    minutes = columns.pop("minutes", 10.0)
    start = columns.get("pickup_at", NOON)
    end = None if start is None else start + timedelta(minutes=minutes)
    good = {"taxi": "green", "month": MONTH, "pickup_at": start, "dropoff_at": end}
    return good | {"PULocationID": 130, "DOLocationID": 205, "trip_distance": 3.0} | columns


def extracted(*trips: dict[str, Any]) -> pl.LazyFrame:
    """Return the trips in the columns and types of the extraction."""
    times = dict.fromkeys(("pickup_at", "dropoff_at"), pl.Datetime("us"))
    return pl.DataFrame(list(trips), schema={"taxi": pl.String, "month": pl.Date, **times, **COLUMNS}).lazy()
