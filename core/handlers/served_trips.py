"""Trips that were predicted, with the minutes that they took in the end, as raw files of taxi trips.

So the pipeline trains on exactly what the model was served: the same gates, the same preparation, the same split.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from core.handlers.record_tables import FEATURES
from core.handlers.tlc import DROPOFF_TIME, PICKUP_TIME
from core.schemas.times import CANONICAL, ZONE_NAME
from core.utilities.errors import DataError

ROW = "row"
KEYS = ("transaction_id", "request_id")
"""What a label may be known by, the better one first: a caller can use a request id twice."""
MICROSECONDS_A_MINUTE = 60e6


def read_labels(path: Path, *, label: str) -> pl.DataFrame:
    """Read what trips took.

    Parameters
    ----------
    path : Path
        ``.parquet`` or ``.csv`` with a column ``transaction_id`` or ``request_id``, one of minutes and, for rows of
        batch requests, ``row``: the row's place in its request.
    label : str
        Name of the column of minutes.

    Returns
    -------
    DataFrame
        The key, ``row`` and ``minutes``; one row a trip.

    Raises
    ------
    DataError
        If the file cannot be read, a column is missing, or a trip has two labels.
    """
    try:
        # Without types: an id may look like a number.
        labels = pl.read_csv(path, infer_schema=False) if path.suffix == ".csv" else pl.read_parquet(path)
        key = next((name for name in KEYS if name in labels.columns), None)
        if key is None or label not in labels.columns:
            raise DataError(f"{path.name}: it needs {' or '.join(KEYS)}, and {label}")
        place = pl.col(ROW).cast(pl.Int32) if ROW in labels.columns else pl.lit(0, pl.Int32)
        labels = labels.select(
            pl.col(key).cast(pl.String), place.alias(ROW), pl.col(label).cast(pl.Float64).alias("minutes")
        ).drop_nulls()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path.name} is no readable file of labels ({type(error).__name__})") from error
    if labels.select(key, ROW).is_duplicated().any():
        raise DataError(f"{path.name}: a trip has two labels")
    return labels


def served_months(rows: pl.DataFrame, labels: pl.DataFrame, *, request_time: bool) -> Mapping[str, pl.DataFrame]:
    """Return the trips that have a label, by the month that they began in, as raw files of green taxis have them.

    Parameters
    ----------
    rows : DataFrame
        Recorded rows, each once, in the order of time. Of those with the same key the last counts.
    labels : DataFrame
        As :func:`read_labels` gives them.
    request_time : bool
        A trip that was predicted without its time of pickup began when it was predicted; else it is left out, as no
        raw file has a trip without a time.
    """
    key = labels.columns[0]
    features = rows.select(pl.col(key), pl.col(ROW), "time", pl.col(FEATURES).struct.unnest())
    sent = pl.col("pickup_datetime").str.to_datetime(CANONICAL, time_unit="us")
    asked = pl.col("time").dt.convert_time_zone(ZONE_NAME).dt.replace_time_zone(None).dt.truncate("1s")
    trips = (
        features.unique([key, ROW], keep="last", maintain_order=True)
        .join(labels, on=[key, ROW], maintain_order="left")
        .with_columns((pl.coalesce(sent, asked) if request_time else sent).alias(PICKUP_TIME))
        .filter(pl.col(PICKUP_TIME).is_not_null())
        .select(
            PICKUP_TIME,
            (
                pl.col(PICKUP_TIME)
                + pl.duration(microseconds=(pl.col("minutes") * MICROSECONDS_A_MINUTE).round().cast(pl.Int64))
            ).alias(DROPOFF_TIME),
            "PULocationID",
            "DOLocationID",
            "trip_distance",
        )
        .sort(PICKUP_TIME, maintain_order=True)
    )
    months = trips.with_columns(pl.col(PICKUP_TIME).dt.strftime("%Y-%m").alias("month"))
    return {
        str(month): part.drop("month")
        for (month,), part in months.partition_by("month", as_dict=True, maintain_order=True).items()
    }
