"""Which kind of table a file is."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from core.handlers.columnar_table import CSV, PARQUET, ColumnarTable
from core.handlers.columns import Rule
from core.handlers.line_table import LineTable
from core.handlers.score import ERROR
from core.handlers.table import Table
from core.utilities.errors import DataError

_KINDS: dict[str, type[ColumnarTable] | type[LineTable]] = {
    PARQUET: ColumnarTable,
    CSV: ColumnarTable,
    ".ndjson": LineTable,
    ".jsonl": LineTable,
}


def open_table(path: Path, *, kind: str, rules: Sequence[Rule], output: str) -> Table:
    """Open a file by its extension: ``.parquet``, ``.csv``, ``.ndjson`` or ``.jsonl``.

    Parameters
    ----------
    path : Path
        What is read.
    kind : str
        Extension of what will be written.
    rules : sequence of Rule
        The columns that are needed or wanted, and what they may hold.
    output : str
        Name of the column of predictions.

    Raises
    ------
    DataError
        If the file is missing or unreadable, an extension is unknown, a column is missing or would be there twice.
    """
    read, written = _KINDS.get(path.suffix.lower()), _KINDS.get(kind)
    if read is None or written is None:
        raise DataError(f"files of rows end in {', '.join(_KINDS)}")
    if read is not written:
        raise DataError("lines of JSON become lines of JSON, Parquet and CSV become Parquet or CSV")
    if not path.is_file():
        raise DataError(f"{path} is not there, or is no file")
    added = {output: pl.Float64, ERROR: pl.String}
    return read(path, rules=rules, added=added)
