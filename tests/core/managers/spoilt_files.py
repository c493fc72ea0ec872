"""Ways in which a month's file can be bad, and what is said of each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl


def drop_column(path: Path) -> None:
    """Leave out a column that the SQL reads."""
    pl.read_parquet(path).drop("PULocationID").write_parquet(path)


def add_nulls(path: Path) -> None:
    """Make 21 of 900 values null."""
    trips = pl.read_parquet(path)
    trips.with_columns(DOLocationID=pl.when(pl.int_range(pl.len()) > 20).then("DOLocationID")).write_parquet(path)


def truncate(path: Path) -> None:
    """Lose the end."""
    path.write_bytes(path.read_bytes()[:-100])


def make_csv(path: Path) -> None:
    """Write CSV under the name of a Parquet file."""
    pl.read_parquet(path).write_csv(path)


@dataclass(frozen=True)
class Spoilt:
    """A way to spoil a file, the step that finds it, and a part of the report."""

    spoil: Callable[[Path], None]
    step: str
    report: str


SPOILT = (
    Spoilt(drop_column, "extract", "green_tripdata_2021-02.parquet: column PULocationID is missing"),
    Spoilt(add_nulls, "check", "DOLocationID: share of nulls is 2.33%, allowed: 1.00%"),
    Spoilt(truncate, "ingest", "green_tripdata_2021-02.parquet: the file is truncated"),
    Spoilt(make_csv, "ingest", "green_tripdata_2021-02.parquet: its name says parquet, its content is something else"),
)
