"""A source: where a family's rows come from, and what must hold for them.

One for each kind of taxi and family: the SQL over a raw file, the columns that come out, and how they are prepared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from core.schemas.snapshot import Taxi
from core.schemas.trip import ZONE_ID_MAX, ZONE_ID_MIN

SQL_DIR = Path(__file__).with_name("sql")
ZONE_COLUMNS = ("PULocationID", "DOLocationID")
CLOCK_SLACK = timedelta(days=1)
"""Trips that start just before midnight are filed under the next month."""
TIMES: Mapping[str, pl.DataType] = dict.fromkeys(("pickup_at", "dropoff_at"), pl.Datetime("us"))
ZONES: Mapping[str, pl.DataType] = dict.fromkeys(ZONE_COLUMNS, pl.Int64())

_MONTH_END_DAYS = 32
_PREFIX: Mapping[Taxi, str] = {"green": "lpep", "yellow": "tpep"}


class Preparation(Protocol):
    """How the rows of one kind of taxi are prepared."""

    def imputed(self, trips: pl.LazyFrame) -> pl.LazyFrame:
        """Fill what is missing, and derive the label (float64)."""
        ...

    @property
    def filters(self) -> Mapping[str, pl.Expr]:
        """By name, what an imputed row must satisfy."""
        ...


@dataclass(frozen=True, kw_only=True)
class Source:
    """How the raw trips of one kind of taxi become a family's rows.

    Parameters
    ----------
    sql : Path
        Run by DuckDB over ``raw``, with ``$month`` bound.
    raw_columns : mapping of str to str
        What the SQL reads, and the kind of each: ``timestamp``, ``whole number`` or ``number``.
    types : mapping of str to polars.DataType
        What the SQL gives, beside ``taxi`` and ``month``.
    preparation : Preparation
        From those to valid rows.
    ranges : mapping of str to polars.Expr
        By column, what its values should satisfy; ``pickup_at`` lies near its month anyway.
    filter_limits : mapping
        JSON values that tell in the manifest what the preparation's filters keep.
    """

    sql: Path
    raw_columns: Mapping[str, str]
    types: Mapping[str, pl.DataType]
    preparation: Preparation
    ranges: Mapping[str, pl.Expr]
    filter_limits: Mapping[str, Any] = field(default_factory=dict)

    def ranges_of(self, month: date) -> Mapping[str, pl.Expr]:
        """Return, by column, what the values of a month's file should satisfy."""
        return {**self.ranges, "pickup_at": near_month(month)}


def time_columns(taxi: Taxi) -> tuple[str, str]:
    """Return the raw names of pickup and drop-off time."""
    return f"{_PREFIX[taxi]}_pickup_datetime", f"{_PREFIX[taxi]}_dropoff_datetime"


def zone_ranges() -> Mapping[str, pl.Expr]:
    """Return what zone ids should satisfy."""
    return {name: pl.col(name).is_between(ZONE_ID_MIN, ZONE_ID_MAX) for name in ZONE_COLUMNS}


def near_month(month: date) -> pl.Expr:
    """Return whether a pickup is in a month, or a day off."""
    after = (month.replace(day=1) + timedelta(days=_MONTH_END_DAYS)).replace(day=1)
    start, end = (pl.lit(day).cast(pl.Datetime("us")) for day in (month, after))
    return pl.col("pickup_at").is_between(start - CLOCK_SLACK, end + CLOCK_SLACK)
