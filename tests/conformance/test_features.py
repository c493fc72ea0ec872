"""Training and serving derive the same features: from a data frame's columns there, from a message's lists here."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.handlers.base import BaseHandler
from core.handlers.columns import Rule, TimeRule, column_rules
from core.handlers.design import Design
from core.managers.artifacts import load_handler
from core.schemas.catalog import CATALOG

HANDLERS = {entry.model: load_handler(entry) for entry in CATALOG}
DESIGNS = [
    pytest.param(handler, design, id=f"{model}-{name}")
    for model, handler in HANDLERS.items()
    for name, design in handler.designs.items()
]
TIMES = st.datetimes(datetime(2009, 1, 1), datetime(2030, 1, 1)).map(  # noqa: DTZ001 (the TLC's times have no zone)
    lambda at: at.replace(microsecond=0)
)


def values(rule: Rule) -> st.SearchStrategy[Any]:
    """Draw what a column may hold, as training has it."""
    if isinstance(rule, TimeRule):
        return TIMES
    if rule.whole:
        return st.integers(int(rule.minimum), int(rule.maximum))
    return st.floats(rule.minimum, rule.maximum, allow_nan=False)


def rows_of(handler: BaseHandler) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Draw batches of valid rows."""
    fields = {rule.name: values(rule) for rule in column_rules(handler.row)}
    return st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=40)


def as_prepared(handler: BaseHandler, rows: list[dict[str, Any]]) -> pl.LazyFrame:
    """Return the rows as the pipeline's preparation leaves them."""
    types = {**handler.sources()["green"].types, handler.label: pl.Float64()}
    frame = pl.DataFrame(rows)
    known = frame.select(pl.col(name).cast(types.get(name, frame.schema[name])) for name in frame.columns)
    return known.with_columns(pl.lit(0.0).alias(handler.label)).lazy()


def as_sent(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return the rows as they come off the wire."""
    return {
        name: [value.isoformat() if isinstance(value, datetime) else value for value in (row[name] for row in rows)]
        for name in rows[0]
    }


@pytest.mark.parametrize(("handler", "design"), DESIGNS)
@settings(max_examples=60, deadline=timedelta(seconds=30))
@given(data=st.data())
def test_training_and_serving_derive_identical_features(
    handler: BaseHandler, design: Design, data: st.DataObject
) -> None:
    rows = data.draw(rows_of(handler))
    trained = design.features(handler.examples(as_prepared(handler, rows)).columns)
    served = design.features(as_sent(rows))
    assert trained.keys() == served.keys()
    for name, column in served.items():
        assert trained[name].dtype == column.dtype, name
        np.testing.assert_array_equal(trained[name], column)


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_post_processing_keeps_each_rows_place_and_changes_nothing_twice(
    handler: BaseHandler, predictions: list[float]
) -> None:
    once = handler.post_process(np.array(predictions))
    assert once.shape == (len(predictions),)
    assert np.isfinite(once).all()
    assert handler.post_process(once).tolist() == once.tolist()
    assert handler.post_process(np.array(predictions[::-1]))[::-1].tolist() == once.tolist()
