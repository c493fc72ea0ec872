"""Prepare: from a file's trips, as extracted, to trips that a model may learn from.

Pure expressions over columns: nothing is read here, so a file of any size is filtered as it streams by.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from core.handlers.source import ZONE_COLUMNS, Preparation, zone_ranges
from core.handlers.taxi_zones import boroughs
from core.handlers.tlc import DISTANCE_END_MILES, LONGEST_MIN, SHORTEST_MIN
from core.schemas.snapshot import Taxi
from core.schemas.trip import NOT_RECORDED_MILES, UNKNOWN_ZONE

_MICROSECONDS_A_MINUTE = 60e6


@dataclass(frozen=True, kw_only=True)
class MeterPreparation:
    """For taxis whose meter writes distance and times.

    Parameters
    ----------
    shortest_min, longest_min : float
        Minutes, both allowed.
    distance_end_miles : float
        Miles, no longer allowed: data errors start here.
    """

    shortest_min: float = SHORTEST_MIN
    longest_min: float = LONGEST_MIN
    distance_end_miles: float = DISTANCE_END_MILES

    def imputed(self, trips: pl.LazyFrame) -> pl.LazyFrame:
        """Fill missing zones and distances, derive ``duration_min``; a trip without a time has none.

        ``pickup_datetime`` is the time as a request has it: in whole seconds.
        """
        minutes = (pl.col("dropoff_at") - pl.col("pickup_at")).dt.total_microseconds() / _MICROSECONDS_A_MINUTE
        return trips.with_columns(
            minutes.alias("duration_min"),
            pl.col("trip_distance").fill_null(NOT_RECORDED_MILES),
            *(pl.col(name).fill_null(UNKNOWN_ZONE) for name in ZONE_COLUMNS),
            pickup_datetime=pl.col("pickup_at").dt.truncate("1s"),
        )

    @property
    def filters(self) -> Mapping[str, pl.Expr]:
        """By name, what an imputed trip must satisfy; a null satisfies nothing."""
        return {
            "duration": pl.col("duration_min").is_between(self.shortest_min, self.longest_min).fill_null(value=False),
            "distance": pl.col("trip_distance").is_between(0.0, self.distance_end_miles, closed="left"),
            "zone": pl.all_horizontal(*zone_ranges().values()),
        }


class GreenPreparation(MeterPreparation):
    """Green taxis: a distance of 0 is common, because trips that are phoned for are often entered by hand."""


class YellowPreparation(MeterPreparation):
    """Yellow taxis: all are hailed, so a trip that goes nowhere was cancelled, and is dropped."""

    @property
    def filters(self) -> Mapping[str, pl.Expr]:
        """By name, what an imputed trip must satisfy."""
        distance = pl.col("trip_distance").is_between(0.0, self.distance_end_miles, closed="none")
        return {**super().filters, "distance": distance}


PREPARATIONS: Mapping[Taxi, Preparation] = {"green": GreenPreparation(), "yellow": YellowPreparation()}


def prepare(trips: pl.LazyFrame, preparation: Preparation) -> pl.LazyFrame:
    """Impute, keep the valid trips in their order, and add the borough of either end.

    Parameters
    ----------
    trips : polars.LazyFrame
        As ``core/handlers/extraction.py`` gives them.
    preparation : Preparation
        Of the taxis that drove them.

    Returns
    -------
    polars.LazyFrame
        The same columns, what the preparation derives, ``pickup_borough`` and ``dropoff_borough`` (text).
    """
    names = zip(("pickup_borough", "dropoff_borough"), ZONE_COLUMNS, strict=True)
    return (
        preparation.imputed(trips)
        .filter(*preparation.filters.values())
        .with_columns(
            pl.col(zone).replace_strict(boroughs(), return_dtype=pl.String, default="Unknown").alias(name)
            for name, zone in names
        )
    )
