"""What a model relies on: the importance of its columns, by permutation."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Predict = Callable[[Mapping[str, NDArray[Any]]], FloatArray]

MOST_ROWS = 20_000
"""Rows that are predicted anew for each column: enough for two digits, and cheap for trees too."""
SEED = 2021


def importances(predict: Predict, columns: Mapping[str, NDArray[Any]], labels: FloatArray) -> dict[str, float]:
    """Return by how much the RMSE grows when a column's values are shuffled among the rows, for each column.

    Works for every model, as it only predicts. The shuffling is the same at every call, so two models are compared on
    the same rows. Source: Breiman, *Random Forests*, 2001, section 10.

    Parameters
    ----------
    predict : callable
        Columns to predictions, (n_rows,).
    columns : mapping of str to ndarray
        Raw columns, (n_rows,) each.
    labels : ndarray, (n_rows,) float64
        What is to be predicted.
    """
    random = np.random.default_rng(SEED)
    rows = np.sort(random.permutation(len(labels))[:MOST_ROWS])
    sample, truth = {name: values[rows] for name, values in columns.items()}, labels[rows]
    order, base = random.permutation(len(rows)), _rmse(predict(sample) - truth)
    return {name: _rmse(predict({**sample, name: values[order]}) - truth) - base for name, values in sample.items()}


def _rmse(errors: FloatArray) -> float:
    return float(np.sqrt(np.mean(errors**2)))
