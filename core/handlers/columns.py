"""Which values a feature column may hold, derived from the pydantic schema of one row.

The schema is written once, in ``core/schemas``; pydantic checks a caller's body with it, and these rules check a
batch with it, column by column, at a tenth of the cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from pydantic import BaseModel

from core.schemas import times
from core.schemas.outcome import RowError, RowErrorCode
from core.utilities.errors import FeatureError

LARGE = 32
"""From so many values on, a column is first looked at as a whole."""
_WHOLE: frozenset[type] = frozenset({int})
_NUMBERS: frozenset[type] = frozenset({int, float})


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """What one column may hold: numbers of ``minimum..maximum``, whole ones only where ``whole`` is set.

    Where it is not ``required`` the column, or a value of it, may be missing (``None``).
    """

    name: str
    whole: bool
    minimum: float
    maximum: float
    required: bool = True

    def accepts(self, value: object) -> bool:
        """Tell whether ``value`` may stand in this column; a bool is no number, and NaN is in no range."""
        kind = type(value)
        if kind is int or (kind is float and (not self.whole or value.is_integer())):  # type: ignore[attr-defined]
            return self.minimum <= value <= self.maximum  # type: ignore[operator]
        return value is None and not self.required

    def accepts_all(self, values: Sequence[object]) -> bool:
        """Tell whether all ``values`` may stand in this column, without a loop in Python where they may."""
        kinds = set(map(type, values))
        if kinds <= (_WHOLE if self.whole else _NUMBERS) and values:
            numbers: Sequence[float] = values  # type: ignore[assignment]  # as their types say
            # Beside a NaN the lowest and the highest say nothing, but then the sum is none either.
            return self.minimum <= min(numbers) and max(numbers) <= self.maximum and isfinite(sum(numbers))
        return all(map(self.accepts, values))

    @property
    def dtype(self) -> str:
        """NumPy's type of the column as an array; a missing number is NaN."""
        return "int64" if self.whole and self.required else "float64"

    @property
    def complaint(self) -> str:
        """What a value that is not accepted is told."""
        return f"{self.name}: not {'an integer' if self.whole else 'a number'} of {self.minimum:g}..{self.maximum:g}"


@dataclass(frozen=True, kw_only=True)
class TimeRule:
    """What a column of times may hold: local times as they travel (``core/schemas/times.py``), as texts."""

    name: str
    required: bool = True

    def accepts(self, value: object) -> bool:
        """Tell whether ``value`` may stand in this column."""
        return (value is None and not self.required) or times.is_canonical(value)

    def accepts_all(self, values: Sequence[object]) -> bool:
        """Tell whether all ``values`` may stand in this column."""
        return all(map(self.accepts, values))

    @property
    def dtype(self) -> str:
        """NumPy's type of the column as an array; a missing time is NaT."""
        return "datetime64[s]"

    @property
    def complaint(self) -> str:
        """What a value that is not accepted is told."""
        return f"{self.name}: not {times.COMPLAINT}"


Rule = ColumnRule | TimeRule


def column_rules(row: type[BaseModel]) -> tuple[Rule, ...]:
    """Derive the rules from the schema of one row, in its order.

    Raises
    ------
    TypeError
        If a field is neither a number with a lowest and a highest value nor a time: no rule covers it.
    """
    schema = row.model_json_schema()
    required = schema.get("required", [])
    return tuple(_rule(name, field, name in required) for name, field in schema["properties"].items())


def _rule(name: str, field: Mapping[str, Any], required: bool) -> Rule:
    # An optional field is described as "this, or null".
    field = next((kind for kind in field.get("anyOf", ()) if kind.get("type") != "null"), field)
    if field.get("format") == "date-time":
        return TimeRule(name=name, required=required)
    if field.get("type") not in ("integer", "number") or not {"minimum", "maximum"} <= field.keys():
        raise TypeError(f"field {name} is neither a time nor a number with a minimum and a maximum")
    return ColumnRule(
        name=name,
        whole=field["type"] == "integer",
        minimum=field["minimum"],
        maximum=field["maximum"],
        required=required,
    )


def check_columns(columns: Mapping[str, Sequence[object]], rules: Sequence[Rule]) -> None:
    """Check that a batch has the model's columns and no other.

    Raises
    ------
    FeatureError
        If a required column is missing, one is unknown, or they differ in length.
    """
    known = {rule.name for rule in rules}
    missing = [rule.name for rule in rules if rule.required and rule.name not in columns]
    if missing:
        raise FeatureError(f"missing features: {', '.join(missing)}")
    if len(columns.keys() - known) > 0:
        # Their names are the sender's text, so they are not repeated.
        raise FeatureError(f"unknown features; the model's are: {', '.join(sorted(known))}")
    if len({len(values) for values in columns.values()}) > 1:
        raise FeatureError("the features differ in length")


def check_rows(columns: Mapping[str, Sequence[object]], rules: Sequence[Rule]) -> dict[int, RowError]:
    """Check each value; return an error for each row that has a wrong one (its first wrong column is named)."""
    errors: dict[int, RowError] = {}
    for rule in reversed(rules):
        values = columns.get(rule.name, ())
        if len(values) >= LARGE and rule.accepts_all(values):
            continue
        accepts = rule.accepts
        wrong = [index for index, value in enumerate(values) if not accepts(value)]
        errors |= {index: RowError(RowErrorCode.INVALID_ROW, rule.complaint) for index in wrong}
    return errors
