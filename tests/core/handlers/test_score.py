from typing import Any

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from core.handlers.score import CheckedFrame, invalid, score_frame
from core.schemas.outcome import RowError, RowErrorCode

FAILED = RowError(RowErrorCode.MODEL_ERROR, "the model failed on this row")
kinds = st.lists(st.sampled_from(["good", "bad", "fails"]), max_size=40)


@given(kinds)
def test_each_row_has_its_prediction_or_its_error_in_its_place(rows: list[str]) -> None:
    places = [index for index, kind in enumerate(rows) if kind != "bad"]
    whole = len(places) == len(rows)
    checked = CheckedFrame(
        rows=len(rows),
        features={"trip_distance": np.array(places, dtype=np.float64)},
        places=None if whole else np.array(places, dtype=np.int64),
        errors=None
        if whole
        else pl.Series([invalid("bad") if kind == "bad" else None for kind in rows], dtype=pl.String),
    )
    errors = {position: FAILED for position, index in enumerate(places) if rows[index] == "fails"}
    predictions = [None if position in errors else float(index) for position, index in enumerate(places)]

    scored = score_frame(checked, output="duration", predictions=predictions, errors=errors)

    texts: dict[str, Any] = {
        "good": None,
        "bad": "invalid_row: bad",
        "fails": "model_error: the model failed on this row",
    }
    assert scored["error"].to_list() == [texts[kind] for kind in rows]
    assert scored["duration"].to_list() == [float(i) if kind == "good" else None for i, kind in enumerate(rows)]
    assert scored.schema == {"duration": pl.Float64, "error": pl.String}
