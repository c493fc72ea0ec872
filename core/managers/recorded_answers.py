"""What a version answers to recorded rows: what was recorded where it did, else what it predicts now."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from core.managers.replay import UNANSWERED, Replay
from core.schemas.outcome import RowErrorCode
from core.schemas.record import Role

KEY = ("transaction_id", "row")
"""Names a row of a request; its shadow's answer has the same."""


def rows_of(records: pl.DataFrame) -> pl.DataFrame:
    """Return each recorded row once, in the order of time: as it was answered, not as its shadow saw it.

    A row that killed who predicted it is left out.
    """
    last = pl.col("role") == Role.SHADOW
    poison = (pl.col("error") == RowErrorCode.POISON).any().over(KEY).fill_null(value=False)
    return (
        records.filter(~poison)
        .sort(last, "time", maintain_order=True)
        .unique(KEY, keep="first", maintain_order=True)
        .sort("time")
    )


def answers_of(
    rows: pl.DataFrame, records: pl.DataFrame, *, version: str, replay: Replay
) -> tuple[NDArray[np.float64], int]:
    """Return the predictions of a version, and how many of them were recorded.

    Parameters
    ----------
    rows : DataFrame
        The rows of one model.
    records : DataFrame
        All records of the same period.
    version : str
        Who answers.
    replay : Replay
        Predicts what was not recorded.

    Returns
    -------
    predictions : ndarray, (n_rows,) float64
        NaN where the version has none.
    recorded : int
        How many were recorded.
    """
    valid = ~pl.col("error").is_in(UNANSWERED).fill_null(value=False)
    known = records.filter(valid, pl.col("version") == version).unique(KEY, keep="first")
    joined = rows.join(
        known.select(*KEY, pl.col("prediction").alias("known"), pl.lit(value=True).alias("is_known")),
        on=KEY,
        how="left",
        maintain_order="left",
    )
    predictions = joined["known"].cast(pl.Float64).to_numpy().copy()
    missing = np.flatnonzero(joined["is_known"].is_null().to_numpy())
    if len(missing):
        unknown = rows[missing]
        given, _ = replay.predict(unknown["model"][0], version, unknown)
        predictions[missing] = np.array(given, dtype=np.float64)
    return predictions, len(rows) - len(missing)
