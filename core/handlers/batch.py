"""Predict a batch so that each row gets its own answer or its own error.

This is the hot path of a worker and runs in a native thread: no logging, no locks, no I/O.
"""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.handlers.arrays import as_arrays
from core.handlers.columns import LARGE, Rule, check_columns, check_rows
from core.handlers.predictor import Predictor
from core.schemas.outcome import BatchOutcome, RowError, RowErrorCode
from core.utilities.errors import FeatureError

Columns = Mapping[str, Any]
Prepare = Callable[[Columns], Mapping[str, Any]]
Finish = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Result = tuple[Sequence[int], list[float | RowError]]
"""Some rows, and what came out for each of them."""

MODEL_FAILED = RowError(RowErrorCode.MODEL_ERROR, "the model failed on this row")
NOT_FINITE = RowError(RowErrorCode.NOT_FINITE, "the model gave no finite number for this row")


def serve_rows(
    predictor: Predictor, columns: Columns, *, rules: Sequence[Rule], prepare: Prepare, finish: Finish
) -> BatchOutcome:
    """Check, prepare, predict and finish a batch.

    Parameters
    ----------
    predictor : Predictor
        The model.
    columns : mapping of str to list
        The features as they came off the wire, (n_rows,) each.
    rules : sequence of Rule
        What each column may hold.
    prepare : callable
        Turns checked columns into what the predictor takes.
    finish : callable
        Post-processing, (n_rows,) float64 to the same: units and bounds.

    Returns
    -------
    BatchOutcome
        A prediction or an error for each row, in order.
    """
    started = perf_counter()
    rows = max(map(len, columns.values()), default=0)
    try:
        check_columns(columns, rules)
    except FeatureError as error:
        return _refuse(rows, str(error))
    arrays = as_arrays(columns, rules) if rows >= LARGE else None
    errors = check_rows(columns, rules) if arrays is None else {}
    valid = [row for row in range(rows) if row not in errors] if errors else range(rows)
    features = prepare(arrays or (_take(columns, valid) if errors else columns))
    prepared = perf_counter()
    results = _predict(predictor, columns, valid, features, prepare=prepare, finish=finish)
    return BatchOutcome(
        predictions=_collect(results, errors, rows=rows),
        errors=errors,
        features_ms=(prepared - started) * 1e3,
        predict_ms=(perf_counter() - prepared) * 1e3,
    )


def _collect(results: Sequence[Result], errors: dict[int, RowError], *, rows: int) -> list[float | None]:
    """Return the predictions in the order of the rows; note the errors."""
    if len(results) == 1 and len(results[0][1]) == rows and RowError not in set(map(type, results[0][1])):
        return results[0][1]  # type: ignore[return-value]  # numbers only
    predictions: list[float | None] = [None] * rows
    for part, values in results:
        for row, value in zip(part, values, strict=True):
            if isinstance(value, RowError):
                errors[row] = value
            else:
                predictions[row] = value
    return predictions


def _refuse(rows: int, detail: str) -> BatchOutcome:
    error = RowError(RowErrorCode.INVALID_ROW, detail)
    return BatchOutcome(predictions=[None] * rows, errors=dict.fromkeys(range(rows), error))


def _take(columns: Columns, rows: Sequence[int]) -> dict[str, list[Any]]:
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def _predict(
    predictor: Predictor,
    columns: Columns,
    rows: Sequence[int],
    features: Mapping[str, Any],
    *,
    prepare: Prepare,
    finish: Finish,
) -> list[Result]:
    """Predict ``rows``; halve a part that fails until the failing rows stand alone."""
    results: list[Result] = []
    pending: list[tuple[Sequence[int], Mapping[str, Any] | None]] = [(rows, features)] if len(rows) else []
    while pending:
        part, ready = pending.pop()
        # A model that raised may have changed its input, so a half is prepared anew.
        raw = _transform(predictor, ready if ready is not None else prepare(_take(columns, part)), len(part))
        if raw is not None:
            results.append((part, _finished(raw, finish)))
        elif len(part) == 1:
            results.append((part, [MODEL_FAILED]))
        else:
            half = len(part) // 2
            pending += [(part[:half], None), (part[half:], None)]
    return results


def _transform(predictor: Predictor, features: Mapping[str, Any], rows: int) -> NDArray[np.float64] | None:
    """Return the model's numbers, (rows,) float64, or None where it raised or gave anything else."""
    try:
        raw = np.asarray(predictor.transform(features))
    except Exception:  # noqa: BLE001 (a team's own model may raise anything; its rows are told, the rest goes on)
        return None
    if raw.shape != (rows,) or raw.dtype.kind not in "fiu":
        return None
    return raw.astype(np.float64)


def _finished(raw: NDArray[np.float64], finish: Finish) -> list[float | RowError]:
    finite = np.isfinite(raw)
    if finite.all():
        finished: list[float | RowError] = finish(raw).tolist()
        return finished
    values = finish(np.where(finite, raw, 0.0)).tolist()
    return [value if good else NOT_FINITE for value, good in zip(values, finite.tolist(), strict=True)]
