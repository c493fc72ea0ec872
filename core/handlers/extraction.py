"""Extract: run a version-controlled SQL file over a raw file with DuckDB.

Values reach the SQL as bound parameters and the file through DuckDB's reader, so nothing is pasted into the text.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from core.handlers.source import Source
from core.schemas.snapshot import FileFormat
from core.utilities.errors import DataError

INTERRUPTED = "Query interrupted"
"""What DuckDB's RuntimeError says when Ctrl-C ends a query."""
MEMORY_LIMIT = "1GB"
"""Of DuckDB; what a query cannot do within it, such as sorting many rows, is spilled beside the output."""

_TYPES = {
    "timestamp": ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"),
    "whole number": ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    "number": ("FLOAT", "DOUBLE", "INTEGER", "BIGINT", "DECIMAL"),
}


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """One run of an SQL file: over which raw file, with which parameters."""

    name: str
    """Of the raw file, for messages."""
    source: Source
    file: Path
    format: FileFormat
    month: date

    def write(self, target: Path) -> None:
        """Write the extracted rows to a Parquet file, in the order of the raw file.

        Raises
        ------
        DataError
            If the raw file cannot be read, or a value cannot be cast.
        """
        with _raw_view(self, spill=target.with_name(f"{target.name}.spill")) as connection:
            # DuckDB holds the rows back until they are written, so memory stays within its limit.
            connection.sql(self.source.sql.read_text(), params={"month": self.month}).write_parquet(str(target))

    def column_types(self) -> dict[str, str]:
        """Return DuckDB's type of each column of the raw file.

        Raises
        ------
        DataError
            If the raw file cannot be read.
        """
        with _raw_view(self) as connection:
            rows = connection.sql("describe raw").fetchall()
        return {str(name): str(kind) for name, kind, *_ in rows}


def is_of_kind(column_type: str, kind: str) -> bool:
    """Tell whether a DuckDB type, such as ``DECIMAL(18,3)``, holds the kind of value."""
    return column_type.partition("(")[0] in _TYPES[kind]


@contextmanager
def _raw_view(extraction: Extraction, *, spill: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that knows the raw file as ``raw``.

    ``spill`` is the folder, made and removed where it is needed, of what does not fit into memory; by default none is
    used: DuckDB's own choice is the folder that the process was started in, which is read-only in a container.
    """
    # One thread keeps the order of the rows and the bytes of the output the same from run to run.
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": "1",
        "memory_limit": MEMORY_LIMIT,
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "temp_directory": str(spill or ""),
    }
    with duckdb.connect(config=config) as connection:
        try:
            read = connection.read_parquet if extraction.format == "parquet" else connection.read_csv
            read(str(extraction.file)).create_view("raw")
            yield connection
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0].replace(str(extraction.file), "the file")
            if spill is not None:
                reason = reason.replace(str(spill), "the folder for what is spilled")
            raise DataError(f"{extraction.name}: {reason} ({type(error).__name__})") from error
        except RuntimeError as error:
            if INTERRUPTED in str(error):
                raise KeyboardInterrupt from error
            raise
