from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from core.handlers.importance import MOST_ROWS, importances

RANDOM = np.random.default_rng(5)
ROWS = 4_000
COLUMNS = {name: RANDOM.normal(0, 1, ROWS) for name in ("strong", "weak", "unread")}


def predict(columns: Mapping[str, Any]) -> Any:
    return 3 * columns["strong"] + columns["weak"]


def test_a_column_counts_by_how_much_the_model_relies_on_it() -> None:
    found = importances(predict, COLUMNS, predict(COLUMNS))
    # Shuffling adds an error of the column's own spread, sqrt(2) standard deviations.
    assert found["strong"] == pytest.approx(3 * 2**0.5, rel=0.1)
    assert found["weak"] == pytest.approx(2**0.5, rel=0.1)
    assert found["unread"] == 0


def test_the_same_rows_give_the_same_figures() -> None:
    assert importances(predict, COLUMNS, predict(COLUMNS)) == importances(predict, COLUMNS, predict(COLUMNS))


def test_of_many_rows_a_sample_is_enough() -> None:
    asked = []

    def count(columns: Mapping[str, Any]) -> Any:
        asked.append(len(columns["a"]))
        return columns["a"]

    importances(count, {"a": np.arange(3.0 * MOST_ROWS)}, np.zeros(3 * MOST_ROWS))
    assert set(asked) == {MOST_ROWS}
