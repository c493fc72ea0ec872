"""Parquet and CSV files, streamed: memory holds a few slices, whatever the size of the file."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from core.handlers.columns import ColumnRule
from core.handlers.score import CheckedFrame, invalid
from core.handlers.table import Scored, Slice
from core.utilities.errors import DataError

PARQUET, CSV = ".parquet", ".csv"


class ColumnarTable:
    """A Parquet or CSV file; a :class:`core.handlers.table.Table`.

    A CSV file's cells are read as they stand and written back as they stand; only the features are numbers.

    Parameters
    ----------
    path : Path
        The file.
    rules : sequence of ColumnRule
        The columns that are needed, and what they may hold.
    added : mapping of str to data type
        The columns that will be written beside those of the file.

    Raises
    ------
    DataError
        If it cannot be read, a column is missing, is not of numbers, or would be there twice.
    """

    def __init__(self, path: Path, *, rules: Sequence[ColumnRule], added: Mapping[str, Any]) -> None:
        self._path = path
        self._rules = rules
        self._is_text = path.suffix.lower() == CSV
        self._frame = pl.scan_csv(path, infer_schema=False) if self._is_text else pl.scan_parquet(path)
        try:
            self._schema = dict(self._frame.collect_schema())
            self.rows = int(self._frame.select(pl.len()).collect(engine="streaming").item())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._unreadable(error) from error
        self._require_columns(added)
        self._written = {**self._schema, **added}

    def _require_columns(self, added: Iterable[str]) -> None:
        name = self._path.name
        for rule in self._rules:
            if rule.name not in self._schema:
                raise DataError(f"{name} has no column {rule.name}")
            if not self._is_text and not self._schema[rule.name].is_numeric():
                raise DataError(f"{name}: the column {rule.name} is not of numbers but {self._schema[rule.name]}")
        for column in added:
            if column in self._schema:
                raise DataError(f"{name} has a column {column} already")

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
        numbers = {rule.name: self._numbers(part, rule) for rule in self._rules}
        good = {rule.name: _accepted(numbers[rule.name], rule) for rule in self._rules}
        if all(column.all() for column in good.values()):
            return CheckedFrame(rows=len(part), features=self._features(numbers))
        first_fault = pl.lit(None, dtype=pl.String)
        for rule in reversed(self._rules):
            first_fault = pl.when(~pl.col(rule.name)).then(pl.lit(invalid(rule.complaint))).otherwise(first_fault)
        errors = pl.DataFrame(good).select(first_fault.alias("error"))["error"]
        places = np.flatnonzero(errors.is_null().to_numpy())
        taken = {name: column.gather(places) for name, column in numbers.items()}
        return CheckedFrame(rows=len(part), features=self._features(taken), places=places, errors=errors)

    def _numbers(self, part: Slice, rule: ColumnRule) -> pl.Series:
        column = part[rule.name]
        if self._is_text:
            return column.str.strip_chars().cast(pl.Float64, strict=False)
        return column if rule.whole and column.dtype.is_integer() else column.cast(pl.Float64)

    def _features(self, numbers: Mapping[str, pl.Series]) -> dict[str, Any]:
        kinds = {rule.name: np.int64 if rule.whole else np.float64 for rule in self._rules}
        return {name: np.ascontiguousarray(column.to_numpy(), dtype=kinds[name]) for name, column in numbers.items()}

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


def _accepted(numbers: pl.Series, rule: ColumnRule) -> pl.Series:
    """Tell for each value whether the rule accepts it; polars holds NaN for larger than every number."""
    good = (numbers >= rule.minimum) & (numbers <= rule.maximum)
    if rule.whole and numbers.dtype.is_float():
        good &= numbers == numbers.floor()
    return good.fill_null(value=False)
