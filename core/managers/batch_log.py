"""The log line of a batch, the same on both sides, so that they join by task id and request id."""

from itertools import islice

from loguru import logger

from core.schemas.wire import PredictRowsReply

MAX_FAILED_ROWS = 20
"""Failed rows of one caller that get a line of their own in a batch."""


def log_batch(reply: PredictRowsReply, *, task_id: str, request_ids: list[str], side: str) -> None:
    """Log that a batch was predicted (``worker``) or answered (``web``), and the rows that failed.

    A chunk has thousands of rows of one caller: his request id is named once.
    """
    outcome = reply.outcome
    names = request_ids[:1] if request_ids.count(request_ids[0]) == len(request_ids) else request_ids
    context = logger.bind(
        task_id=task_id,
        request_ids=names,
        worker=reply.worker,
        model=reply.model,
        version=reply.version,
        queue_ms=round(reply.queue_ms, 3),
        features_ms=round(outcome.features_ms, 3),
        predict_ms=round(outcome.predict_ms, 3),
    )
    context.info("{}: batch of {}", side, len(request_ids))
    # Each of many callers gets his line, one caller of many rows not thousands.
    limit = MAX_FAILED_ROWS if len(names) == 1 else None
    for index, error in islice(outcome.errors.items(), limit):
        context.bind(request_id=request_ids[index], code=error.code.value).warning("row failed: {}", error.detail)
    if limit is not None and len(outcome.errors) > limit:
        context.warning("{} more rows failed", len(outcome.errors) - limit)
