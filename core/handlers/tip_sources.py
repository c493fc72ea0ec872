"""Where the tips come from: trips that were paid by card."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from core.handlers.source import SQL_DIR, TIMES, ZONE_COLUMNS, ZONES, Source, time_columns, zone_ranges
from core.schemas.snapshot import Taxi
from core.schemas.tip import FARE_MAX_DOLLARS, FARE_MIN_DOLLARS
from core.schemas.trip import UNKNOWN_ZONE

TIP_END_DOLLARS = 1_000.0


@dataclass(frozen=True)
class TipPreparation:
    """All meters write fares and tips alike, so both kinds of taxi are prepared in the same way."""

    def imputed(self, trips: pl.LazyFrame) -> pl.LazyFrame:
        """Fill missing zones, and derive ``tip_share``; without a fare there is none."""
        share = pl.when(pl.col("fare_amount") > 0.0).then(pl.col("tip_amount") / pl.col("fare_amount"))
        return trips.with_columns(
            share.alias("tip_share"), *(pl.col(name).fill_null(UNKNOWN_ZONE) for name in ZONE_COLUMNS)
        )

    @property
    def filters(self) -> Mapping[str, pl.Expr]:
        """By name, what an imputed row must satisfy; a tip above the fare says little of the next one."""
        fare = pl.col("fare_amount").is_between(FARE_MIN_DOLLARS, FARE_MAX_DOLLARS)
        return {
            "fare": fare.fill_null(value=False),
            "tip": pl.col("tip_share").is_between(0.0, 1.0).fill_null(value=False),
            "zone": pl.all_horizontal(*zone_ranges().values()),
        }


def _source(taxi: Taxi) -> Source:
    amounts = ("payment_type", "fare_amount", "tip_amount")
    return Source(
        sql=SQL_DIR / f"{taxi}_tips.sql",
        raw_columns={
            time_columns(taxi)[0]: "timestamp",
            **dict.fromkeys(ZONE_COLUMNS, "whole number"),
            **dict.fromkeys(amounts, "number"),
        },
        types={
            "pickup_at": TIMES["pickup_at"],
            **ZONES,
            **dict.fromkeys(amounts[1:], pl.Float64()),
        },
        preparation=TipPreparation(),
        ranges={
            **zone_ranges(),
            "fare_amount": pl.col("fare_amount").is_between(0.0, FARE_MAX_DOLLARS),
            "tip_amount": pl.col("tip_amount").is_between(0.0, TIP_END_DOLLARS),
        },
        filter_limits={"fare_amount_dollars": [FARE_MIN_DOLLARS, FARE_MAX_DOLLARS], "tip_share": [0.0, 1.0]},
    )


TIP_SOURCES: Mapping[Taxi, Source] = {"green": _source("green"), "yellow": _source("yellow")}
