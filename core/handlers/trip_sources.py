"""Where the trips come from that the trip-duration model learns from."""

from collections.abc import Mapping

import polars as pl

from core.handlers.preparation import PREPARATIONS
from core.handlers.source import SQL_DIR, TIMES, ZONE_COLUMNS, ZONES, Source, time_columns, zone_ranges
from core.handlers.tlc import filters
from core.schemas.snapshot import Taxi
from core.schemas.trip import TRIP_DISTANCE_MAX_MILES


def _source(taxi: Taxi) -> Source:
    return Source(
        sql=SQL_DIR / f"{taxi}_trips.sql",
        raw_columns={
            **dict.fromkeys(time_columns(taxi), "timestamp"),
            **dict.fromkeys(ZONE_COLUMNS, "whole number"),
            "trip_distance": "number",
        },
        types={**TIMES, **ZONES, "trip_distance": pl.Float64()},
        preparation=PREPARATIONS[taxi],
        ranges={**zone_ranges(), "trip_distance": pl.col("trip_distance").is_between(0.0, TRIP_DISTANCE_MAX_MILES)},
        filter_limits=filters(),
    )


TRIP_SOURCES: Mapping[Taxi, Source] = {"green": _source("green"), "yellow": _source("yellow")}
