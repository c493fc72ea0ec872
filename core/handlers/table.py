"""A table on disk whose rows are to be predicted: read in slices, written once with a prediction a row."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import polars as pl

from core.handlers.score import CheckedFrame

Slice = pl.DataFrame
"""Consecutive rows of a table."""
Scored = tuple[Slice, pl.DataFrame]
"""Rows of a table and what came out of them."""


class Table(Protocol):
    """One file; complete when built, that is when the file was seen to have what is needed."""

    @property
    def rows(self) -> int:
        """How many rows it has."""
        ...

    def slices(self, rows: int) -> Iterator[Slice]:
        """Read it from the start: ``rows`` rows each, the last slice has the rest.

        Raises
        ------
        DataError
            If it cannot be read to its end.
        """
        ...

    def check(self, part: Slice) -> CheckedFrame:
        """Tell the good rows of a slice from the others."""
        ...

    def write(self, scored: Iterable[Scored], path: Path, *, kind: str, metadata: Mapping[str, str]) -> None:
        """Write all rows with what came out of them to ``path``, as a file of ``kind`` (an extension)."""
        ...
