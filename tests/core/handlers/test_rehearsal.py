"""The rehearsal of the gate learns from some of very many rows."""

import polars as pl
import pytest

from core.handlers.steps.evaluate import _spread


@pytest.mark.parametrize(("rows", "every"), [(0, 1), (9, 1), (10, 1), (11, 2), (999, 100), (1000, 100)])
def test_rows_are_evenly_spread_and_not_more_than_wanted(rows: int, every: int) -> None:
    numbers = _spread(pl.LazyFrame({"n": range(rows)}, schema={"n": pl.Int64}), 10).collect()["n"].to_list()
    assert numbers == list(range(0, rows, every))
    assert len(numbers) <= 10
