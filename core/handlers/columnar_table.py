"""Parquet and CSV files, streamed: memory holds a few slices, whatever the size of the file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from core.handlers.columns import Rule, TimeRule
from core.handlers.score import CheckedFrame, invalid
from core.handlers.table import Scored, Slice
from core.handlers.time_columns import local_texts
from core.utilities.errors import DataError

PARQUET, CSV = ".parquet", ".csv"


class ColumnarTable:
    """A Parquet or CSV file; a :class:`core.handlers.table.Table`.

    A CSV file's cells are read as they stand and written back as they stand; only the features are numbers.

    Parameters
    ----------
    path : Path
        The file.
    rules : sequence of Rule
        The columns that are needed or wanted, and what they may hold.
    added : mapping of str to data type
        The columns that will be written beside those of the file.

    Raises
    ------
    DataError
        If it cannot be read, a column is missing, is not of numbers, or would be there twice.
    """

    def __init__(self, path: Path, *, rules: Sequence[Rule], added: Mapping[str, Any]) -> None:
        self._path = path
        self._is_text = path.suffix.lower() == CSV
        self._frame = pl.scan_csv(path, infer_schema=False) if self._is_text else pl.scan_parquet(path)
        try:
            self._schema = dict(self._frame.collect_schema())
            self.rows = int(self._frame.select(pl.len()).collect(engine="streaming").item())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._unreadable(error) from error
        self._rules = [rule for rule in rules if rule.required or rule.name in self._schema]
        self._require_columns(added)
        self._written = {**self._schema, **added}

    def _require_columns(self, added: Iterable[str]) -> None:
        name = self._path.name
        for rule in self._rules:
            if rule.name not in self._schema:
                raise DataError(f"{name} has no column {rule.name}")
            self._require_kind(rule, self._schema[rule.name])
        for column in added:
            if column in self._schema:
                raise DataError(f"{name} has a column {column} already")

    def _require_kind(self, rule: Rule, kind: Any) -> None:  # noqa: ANN401 (polars' type of a type)
        if isinstance(rule, TimeRule):
            right, wanted = kind == pl.String or isinstance(kind, pl.Datetime), "times"
        else:
            right, wanted = self._is_text or kind.is_numeric(), "numbers"
        if not right:
            raise DataError(f"{self._path.name}: the column {rule.name} is not of {wanted} but {kind}")

    def slices(self, rows: int) -> Iterator[Slice]:
        """Read the file from the start; see :class:`core.handlers.table.Table`."""
        kept = pl.DataFrame(schema=self._schema)
        try:
            for batch in self._frame.collect_batches(chunk_size=rows, maintain_order=True):
                kept = kept.vstack(batch)
                while len(kept) >= rows:
                    yield kept[:rows].rechunk()
                    kept = kept[rows:]
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._unreadable(error) from error
        if len(kept):
            yield kept.rechunk()

    def check(self, part: Slice) -> CheckedFrame:
        """Tell the good rows of a slice from the others: all columns at once."""
        values = {rule.name: self._values(part, rule) for rule in self._rules}
        good = {rule.name: _accepted(values[rule.name], rule) for rule in self._rules}
        if all(column.all() for column in good.values()):
            return CheckedFrame(rows=len(part), features=self._features(values))
        first_fault = pl.lit(None, dtype=pl.String)
        for rule in reversed(self._rules):
            first_fault = pl.when(~pl.col(rule.name)).then(pl.lit(invalid(rule.complaint))).otherwise(first_fault)
        errors = pl.DataFrame(good).select(first_fault.alias("error"))["error"]
        places = np.flatnonzero(errors.is_null().to_numpy())
        taken = {name: column.gather(places) for name, column in values.items()}
        return CheckedFrame(rows=len(part), features=self._features(taken), places=places, errors=errors)

    def _values(self, part: Slice, rule: Rule) -> pl.Series:
        column = part[rule.name]
        if isinstance(rule, TimeRule):
            return local_texts(column)
        if self._is_text:
            return column.str.strip_chars().cast(pl.Float64, strict=False)
        return column if rule.whole and column.dtype.is_integer() else column.cast(pl.Float64)

    def _features(self, values: Mapping[str, pl.Series]) -> dict[str, Any]:
        return {rule.name: _feature(values[rule.name], rule) for rule in self._rules}

    def write(self, scored: Iterable[Scored], path: Path, *, kind: str, metadata: Mapping[str, str]) -> None:
        """Write all rows as Parquet, with ``metadata``, or as CSV, which has no place for it."""

        def frames(*_: Any) -> Iterator[pl.DataFrame]:  # noqa: ANN401 (polars' wishes, which need not be fulfilled)
            for part, outcome in scored:
                yield part.hstack(outcome)

        rows = register_io_source(frames, schema=self._written)
        if kind == CSV:
            rows.sink_csv(path)
        else:
            rows.sink_parquet(path, compression="zstd", compression_level=1, metadata=dict(metadata))

    def _unreadable(self, error: Exception) -> DataError:
        reason = str(error).partition("\n")[0]
        return DataError(f"{self._path.name} cannot be read: {reason or type(error).__name__}")


def _feature(values: pl.Series, rule: Rule) -> Any:  # noqa: ANN401 (an array, or a list where a value may be missing)
    if isinstance(rule, TimeRule) or not rule.required:
        return values.to_list()
    return np.ascontiguousarray(values.to_numpy(), dtype=np.int64 if rule.whole else np.float64)


def _accepted(values: pl.Series, rule: Rule) -> pl.Series:
    """Tell for each value whether the rule accepts it; polars holds NaN for larger than every number."""
    if isinstance(rule, TimeRule):
        return pl.Series(rule.name, map(rule.accepts, values.to_list()), dtype=pl.Boolean)
    good = (values >= rule.minimum) & (values <= rule.maximum)
    if rule.whole and values.dtype.is_float():
        good &= values == values.floor()
    return good.fill_null(value=not rule.required)
