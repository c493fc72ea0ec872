from collections.abc import Iterator
from typing import Any

import pytest
from loguru import logger

from core.managers.batch_log import MAX_FAILED_ROWS, log_batch
from core.schemas.outcome import RowError, RowErrorCode
from tests.core.managers.blocks import reply_to

FAILED = RowError(RowErrorCode.MODEL_ERROR, "the model failed on this row")


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    found: list[Any] = []
    sink = logger.add(lambda line: found.append(line.record))
    yield found
    logger.remove(sink)


def test_a_batch_of_many_callers_names_them_all_and_each_row_that_failed(lines: list[dict[str, Any]]) -> None:
    rows = MAX_FAILED_ROWS + 5
    names = [str(row) for row in range(rows)]
    log_batch(
        reply_to(*[None] * rows, errors=dict.fromkeys(range(rows), FAILED)), task_id="t", request_ids=names, side="web"
    )
    assert lines[0]["extra"]["request_ids"] == names
    assert [line["extra"]["request_id"] for line in lines[1:]] == names


def test_a_chunk_names_its_caller_once_and_a_few_of_the_rows_that_failed(lines: list[dict[str, Any]]) -> None:
    rows = MAX_FAILED_ROWS + 5
    log_batch(
        reply_to(*[None] * rows, errors=dict.fromkeys(range(rows), FAILED)),
        task_id="t",
        request_ids=["me"] * rows,
        side="worker",
    )
    assert lines[0]["extra"]["request_ids"] == ["me"]
    assert lines[0]["message"] == f"worker: batch of {rows}"
    assert len(lines) == 1 + MAX_FAILED_ROWS + 1
    assert lines[-1]["message"] == "5 more rows failed"
