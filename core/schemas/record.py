"""What is kept of a prediction, and how many of them travel together.

An entry of the stream holds rows of one model as columns. A value that all its rows share is written once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self

import orjson

from core.utilities.errors import WireError

RECORD_VERSION = 1
MAX_ROWS = 100_000
"""Of an entry that is read; writers send some thousands at most."""
DATE = "date"
"""The day in UTC; in files, a part of the path."""
NOT_RECORDED = "RECORD_SHARE of the system says how much is (0 by default), and it is in files RECORD_ROLL_S later"
"""Why a prediction that was made may not be found."""


class Role(StrEnum):
    """In which part a version answered."""

    CHAMPION = "champion"
    CANARY = "canary"
    EXPLICIT = "explicit"
    """The caller, or ``MODEL_VERSION``, named the version."""
    FORMER = "former"
    """The route chose it, and named it no longer when it had answered."""
    SHADOW = "shadow"
    """Nobody was given this answer."""


class Record(NamedTuple):
    """One prediction, without its features; the fields are columns of the stream and of the files.

    ``row`` is the row's place in a batch request, 0 for a single one. ``time`` is Unix seconds. ``total_ms`` is None
    for a shadow's answer, which nobody waited for. Of ``prediction`` and ``error``, a code, one is None.
    ``kept`` tells whether the row is written to a file, or only looked at.
    """

    request_id: str
    transaction_id: str
    row: int
    time: float
    version: str
    role: str
    prediction: float | None
    error: str | None
    queue_ms: float | None
    features_ms: float | None
    predict_ms: float | None
    total_ms: float | None
    kept: bool


@dataclass(frozen=True, kw_only=True)
class RecordEntry:
    """Records of one model that travel together.

    Parameters
    ----------
    model : str
        The model of all rows.
    rows : int
        How many.
    columns : mapping
        By field of :class:`Record`: a sequence, (n_rows,), or one value for all rows.
    features : mapping
        By feature: a sequence, (n_rows,).
    """

    model: str
    rows: int
    columns: Mapping[str, Any]
    features: Mapping[str, Sequence[Any]]

    @classmethod
    def of_rows(
        cls, model: str, records: Sequence[Record], values: Sequence[Sequence[Any]], *, features: Sequence[str]
    ) -> Self:
        """Turn rows into columns; ``values`` are the features of each, in the order of ``features``."""
        columns = dict(zip(Record._fields, zip(*records, strict=True), strict=True))
        by_name = zip(features, zip(*values, strict=True), strict=True)
        known = {name: column for name, column in by_name if column.count(None) < len(column)}
        return cls(model=model, rows=len(records), columns=columns, features=known)

    def column(self, name: str) -> Sequence[Any]:
        """Return a column of :class:`Record` with a value for each row, (n_rows,)."""
        values = self.columns[name]
        return values if isinstance(values, list | tuple) else [values] * self.rows

    def encode(self) -> bytes:
        """Return the entry as JSON."""
        return orjson.dumps(
            {
                "record": RECORD_VERSION,
                "model": self.model,
                "rows": self.rows,
                "columns": self.columns,
                "features": self.features,
            }
        )

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read an entry.

        Raises
        ------
        WireError
            If it is none of this version, or ragged.
        """
        try:
            message = orjson.loads(content)
            if message["record"] != RECORD_VERSION:
                raise WireError(f"not records of version {RECORD_VERSION}")
            if type(message["rows"]) is not int or not isinstance(message["model"], str):
                raise WireError("malformed records: neither model nor rows")
            if message["rows"] > MAX_ROWS:
                raise WireError(f"more than {MAX_ROWS} records in an entry")
            entry = cls(
                model=message["model"], rows=message["rows"], columns=message["columns"], features=message["features"]
            )
            columns = [*(entry.column(name) for name in Record._fields), *entry.features.values()]
            ragged = any(len(column) != entry.rows for column in columns)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise WireError(f"malformed records: {type(error).__name__}") from error
        if ragged:
            raise WireError("ragged records")
        return entry
