"""Files with one JSON object a line (NDJSON): each line is written back as it came, and its prediction behind it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl

from core.handlers.columns import Rule, TimeRule, check_rows
from core.handlers.score import CheckedFrame, complaint, invalid
from core.handlers.table import Scored, Slice
from core.schemas.times import new_york_time
from core.utilities.errors import DataError

LINE = "line"
_MISSING = object()
_BLOCK = 1024 * 1024


class LineTable:
    """A file of JSON lines; a :class:`core.handlers.table.Table`. Blank lines are no rows.

    Parameters
    ----------
    path : Path
        The file.
    rules : sequence of Rule
        The fields that a row needs, and what they may hold; further fields are passed through.
    added : mapping of str to anything
        The fields that will be written into each line.

    Raises
    ------
    DataError
        If it cannot be read.
    """

    def __init__(self, path: Path, *, rules: Sequence[Rule], added: Iterable[str]) -> None:
        self._path = path
        self._rules = rules
        self._added = tuple(added)
        self.rows = sum(1 for _ in self._lines())

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb", buffering=_BLOCK) as file:
                yield from (line for line in map(bytes.strip, file) if line)
        except OSError as error:
            raise DataError(f"{self._path.name} cannot be read ({type(error).__name__})") from error

    def slices(self, rows: int) -> Iterator[Slice]:
        """Read the file from the start; see :class:`core.handlers.table.Table`."""
        lines = self._lines()
        while part := list(islice(lines, rows)):
            yield pl.DataFrame({LINE: part}, schema={LINE: pl.Binary})

    def check(self, part: Slice) -> CheckedFrame:
        """Tell the good rows of a slice from the others, by the same rules as a request's body."""
        contents = [_parse(line) for line in part[LINE]]
        for content in contents:
            taken = [name for name in self._added if name in content] if content else []
            if taken:
                raise DataError(f"{self._path.name}: a line has the field {taken[0]} already")
        columns = {
            rule.name: _column([(content or {}).get(rule.name, _missing(rule)) for content in contents], rule)
            for rule in self._rules
        }
        faults = {index: complaint(error) for index, error in check_rows(columns, self._rules).items()}
        faults |= {index: invalid("not a JSON object") for index, content in enumerate(contents) if content is None}
        places = np.array([index for index in range(len(contents)) if index not in faults], dtype=np.int64)
        features = {
            rule.name: _feature([columns[rule.name][place] for place in places], rule)
            for rule in self._rules
            if rule.required or any(value is not None for value in columns[rule.name])
        }
        if not faults:
            return CheckedFrame(rows=len(part), features=features)
        errors = pl.Series([faults.get(index) for index in range(len(contents))], dtype=pl.String)
        return CheckedFrame(rows=len(part), features=features, places=places, errors=errors)

    def write(self, scored: Iterable[Scored], path: Path, *, kind: str, metadata: Mapping[str, str]) -> None:
        """Write each line with its prediction, or with its error."""
        with path.open("wb", buffering=_BLOCK) as file:
            for part, outcome in scored:
                output, error = outcome.columns
                rows = zip(part[LINE], outcome[output], outcome[error], strict=True)
                file.writelines(_extended(line, output, value, error, text) for line, value, text in rows)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return content if isinstance(content, dict) else None


def _missing(rule: Rule) -> object:
    """Return what stands for a field that is not there: nothing, or nothing that a rule would take."""
    return _MISSING if rule.required else None


def _column(values: list[Any], rule: Rule) -> list[Any]:
    """Return values as they travel, as far as they are such."""
    return [_local(value) for value in values] if isinstance(rule, TimeRule) else values


def _local(value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    if not isinstance(value, str):
        return value
    try:
        return new_york_time(value)
    except ValueError:
        return value


def _feature(values: list[Any], rule: Rule) -> Any:  # noqa: ANN401 (an array, or a list where a value may be missing)
    if isinstance(rule, TimeRule) or not rule.required:
        return values
    return np.array(values, dtype=np.int64 if rule.whole else np.float64)


def _extended(line: bytes, output: str, value: float | None, error: str, text: str | None) -> bytes:
    """Return the line with one more field: the object as it came stays as it is, up to its closing brace."""
    name, content = (output, value) if text is None else (error, text)
    field = orjson.dumps({name: content})[1:-1]
    if _parse(line) is None:
        return orjson.dumps({LINE: line.decode(errors="replace")})[:-1] + b"," + field + b"}\n"
    inside = line[:-1].rstrip()
    return inside + (b"" if inside == b"{" else b",") + field + b"}\n"
