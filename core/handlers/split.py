"""Split by time: a model is measured on trips that start after those it learnt from, never on a random share.

Months are those that the TLC filed the trips under: a meter whose clock says 2008 drove in the file's month all the same.
Within the training months the pickup time decides.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from core.utilities.errors import DataError

PART = "part"
TRAIN, VALIDATION, TEST = "train", "validation", "test"
_MONTH_END_DAYS = 32


def split(
    trips: pl.LazyFrame, *, train_months: Sequence[date], test_months: Sequence[date], validation_days: int
) -> pl.LazyFrame:
    """Mark each prepared trip as one of ``train``, ``validation`` and ``test``.

    Parameters
    ----------
    trips : polars.LazyFrame
        With ``month`` and ``pickup_at``.
    train_months, test_months : sequence of date
        First days of months; every test month lies after every training month.
    validation_days : int
        How many days at the end of the training months are for validation; 0: none.

    Returns
    -------
    polars.LazyFrame
        The trips of these months in their order, with ``part`` (text).

    Raises
    ------
    DataError
        If a test month is not after all training months.
    """
    if max(train_months) >= min(test_months):
        raise DataError("every test month must lie after every training month")
    training = pl.col("month").is_in(list(train_months))
    validation = pl.lit(value=False)
    if validation_days:
        validation = pl.col("pickup_at") >= validation_start(train_months, validation_days)
    part = pl.when(~training).then(pl.lit(TEST)).when(validation).then(pl.lit(VALIDATION)).otherwise(pl.lit(TRAIN))
    return trips.filter(pl.col("month").is_in([*train_months, *test_months])).with_columns(part.alias(PART))


def validation_start(train_months: Sequence[date], validation_days: int) -> datetime:
    """Return when validation begins: midnight, ``validation_days`` days before the last training month ends."""
    end = (max(train_months).replace(day=1) + timedelta(days=_MONTH_END_DAYS)).replace(day=1)
    return datetime(end.year, end.month, 1) - timedelta(days=validation_days)  # noqa: DTZ001 (the TLC's times have no zone)
