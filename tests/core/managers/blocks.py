"""Blocks and replies for the tests of the second lane."""

import asyncio
import time

from core.managers.block import Block, Chunk
from core.schemas.outcome import BatchOutcome, RowError
from core.schemas.wire import PredictRowsReply


def new_block(rows: int = 10, *, version: str | None = "v", request_id: str = "r") -> Block:
    """Trips of 0, 1, 2, … miles whose caller waits."""
    features = {
        "PULocationID": [130] * rows,
        "DOLocationID": [205] * rows,
        "trip_distance": [float(row) for row in range(rows)],
    }
    future = asyncio.get_running_loop().create_future()
    return Block("trip_duration", version, features, request_id, time.time() + 60.0, future)


def miles_of(chunk: Chunk) -> list[float]:
    """Return the distances that a chunk carries."""
    columns = chunk.encode(["trip_distance"])["columns"]
    return [float(miles) for miles in columns["trip_distance"]]


def reply_to(*predictions: float | None, errors: dict[int, RowError] | None = None) -> PredictRowsReply:
    """What a worker answers; 1 ms in the queue, 2 for the features, 3 for the predictions."""
    outcome = BatchOutcome(predictions=list(predictions), errors=errors or {}, features_ms=2.0, predict_ms=3.0)
    return PredictRowsReply(model="trip_duration", version="v", worker="w", outcome=outcome, queue_ms=1.0)
