"""The log line of a batch, the same on both sides, so that they join by task id and request id."""

from loguru import logger

from core.schemas.wire import PredictRowsReply


def log_batch(reply: PredictRowsReply, *, task_id: str, request_ids: list[str], side: str) -> None:
    """Log that a batch was predicted (``worker``) or answered (``web``), and each row that failed."""
    outcome = reply.outcome
    context = logger.bind(
        task_id=task_id,
        request_ids=request_ids,
        worker=reply.worker,
        model=reply.model,
        version=reply.version,
        queue_ms=round(reply.queue_ms, 3),
        features_ms=round(outcome.features_ms, 3),
        predict_ms=round(outcome.predict_ms, 3),
    )
    context.info("{}: batch of {}", side, len(request_ids))
    for index, error in outcome.errors.items():
        context.bind(request_id=request_ids[index], code=error.code.value).warning("row failed: {}", error.detail)
