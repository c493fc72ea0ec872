"""Turn the entries of the stream into a table of records, one row a prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from core.handlers.columns import column_rules
from core.schemas.catalog import CatalogEntry
from core.schemas.record import DATE, Record, RecordEntry

MICROSECONDS = 1e6
END_OF_TIME = 253_402_300_800.0
"""Unix seconds at which the year 10000 begins, whose days have no date in Python."""
FEATURES = "features"
"""Column that holds the features, a struct with a field for each: a feature may be called as another column is."""
_KINDS: Mapping[str, Any] = {"int64": pl.Int64, "float64": pl.Float64, "datetime64[s]": pl.String}
_TYPES: Mapping[str, Any] = {
    "request_id": pl.String,
    "transaction_id": pl.String,
    "row": pl.Int32,
    "time": pl.Float64,
    "version": pl.String,
    "role": pl.String,
    "prediction": pl.Float64,
    "error": pl.String,
    "queue_ms": pl.Float64,
    "features_ms": pl.Float64,
    "predict_ms": pl.Float64,
    "total_ms": pl.Float64,
    "kept": pl.Boolean,
}


def records_of(entries: Sequence[RecordEntry], *, entry: CatalogEntry) -> pl.DataFrame:
    """Return the records of one model that are to be kept.

    Parameters
    ----------
    entries : sequence of RecordEntry
        As they came from the stream.
    entry : CatalogEntry
        Of their model.

    Returns
    -------
    DataFrame
        A column for each field of :class:`Record` but ``kept``, ``time`` as a moment in UTC; ``features``, a struct;
        ``date``, the day in UTC. A value that cannot be one is null; a record whose time cannot is left out.
    """
    frame = pl.DataFrame(
        {name: [value for part in entries for value in part.column(name)] for name in Record._fields},
        schema_overrides=_TYPES,
        strict=False,
    )
    features = [_feature(rule.name, _KINDS[rule.dtype], entries) for rule in column_rules(entry.row)]
    known = pl.col("time").is_between(0.0, END_OF_TIME, closed="left")
    moment = (
        (pl.when(known).then("time") * MICROSECONDS).round().cast(pl.Int64, strict=False).cast(pl.Datetime("us", "UTC"))
    )
    return (
        frame.with_columns(pl.struct(features).alias(FEATURES), moment.alias("time"))
        .filter("kept", pl.col("time").is_not_null())
        .drop("kept")
        .with_columns(pl.col("time").dt.date().alias(DATE))
    )


def _feature(name: str, kind: Any, entries: Sequence[RecordEntry]) -> pl.Series:  # noqa: ANN401 (a type of polars)
    values = [value for part in entries for value in part.features.get(name, [None] * part.rows)]
    # A caller may write a whole number as 3 or 3.0, and both in one column.
    return pl.Series(name, values, dtype=pl.String if kind is pl.String else pl.Float64, strict=False).cast(
        kind, strict=False
    )
