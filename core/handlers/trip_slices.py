"""The parts of the test trips that an evaluation measures apart."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

BAND_STARTS_MILES = (1.0, 2.0, 5.0, 10.0)
BANDS = np.array(["0 to 1", "1 to 2", "2 to 5", "5 to 10", "10 and more"])


def trip_slices(trips: pl.DataFrame, seen: NDArray[np.bool_] | None) -> pl.DataFrame:
    """Name the slices of each trip: its hour, its boroughs, its distance, and whether training saw its pair.

    Parameters
    ----------
    trips : polars.DataFrame
        As prepared, (n_trips, n_columns).
    seen : ndarray, (n_trips,) bool, or None
        Whether training saw the zone pair; None where nobody can tell.
    """
    dimensions: Mapping[str, pl.Expr] = {
        "pickup_hour": pl.col("pickup_at").dt.strftime("%H"),
        "boroughs": pl.format("{} to {}", "pickup_borough", "dropoff_borough"),
    }
    bands = BANDS[np.searchsorted(BAND_STARTS_MILES, trips["trip_distance"].to_numpy(), side="right")]
    columns = trips.select(value.alias(name) for name, value in dimensions.items()).with_columns(
        distance_miles=pl.Series(bands.tolist(), dtype=pl.String)
    )
    if seen is None:
        return columns
    return columns.with_columns(zone_pair=pl.Series(np.where(seen, "seen", "unseen").tolist(), dtype=pl.String))
