"""A family that only transforms: how many trips start in each zone in each hour."""

from collections.abc import Mapping

import polars as pl

from core.handlers.base import BaseHandler
from core.handlers.source import Source
from core.handlers.trip_sources import TRIP_SOURCES
from core.schemas.catalog import TRIP_DURATION, CatalogEntry
from core.schemas.snapshot import Taxi
from core.schemas.trip import TripRow

TRIP_COUNTS = CatalogEntry(
    model="trip_counts",
    resource="trip-counts",
    row=TripRow,
    request=TRIP_DURATION.request,
    reply=TRIP_DURATION.reply,
    output="duration",
    handler=f"{__name__}:TripCountsHandler",
    collection="trips",
)


class TripCountsHandler(BaseHandler):
    """No designs: there is nothing to train."""

    row = TripRow

    def sources(self) -> Mapping[Taxi, Source]:
        return TRIP_SOURCES

    def transform(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        hour = pl.col("pickup_at").dt.truncate("1h").alias("hour")
        return rows.group_by("PULocationID", hour).agg(trips=pl.len()).sort("hour", "PULocationID")
