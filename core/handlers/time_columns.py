"""Columns of times in a caller's table, in the one way in which times travel (``core/schemas/times.py``)."""

from contextlib import suppress

import polars as pl

from core.schemas.times import CANONICAL, ZONE_NAME, new_york_time


def local_texts(column: pl.Series) -> pl.Series:
    """Return a column as texts of New York local time; what is no time comes back as it was, a blank as null.

    Parameters
    ----------
    column : Series
        Texts as in a request, or timestamps: with a time zone they are converted, without one they are local.
    """
    if column.dtype == pl.String:
        return pl.Series(column.name, [_local_text(value) for value in column.to_list()], dtype=pl.String)
    if getattr(column.dtype, "time_zone", None):
        column = column.dt.convert_time_zone(ZONE_NAME).dt.replace_time_zone(None)
    return column.dt.strftime(CANONICAL)


def _local_text(value: str | None) -> str | None:
    text = (value or "").strip()
    with suppress(ValueError):
        return new_york_time(text) if text else None
    return text
