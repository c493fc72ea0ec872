"""Rows, replies and heartbeats for the tests of the line and the ledger."""

import asyncio
import time
from typing import Any

from core.managers.line import Row
from core.schemas.heartbeat import Heartbeat
from core.schemas.outcome import BatchOutcome
from core.schemas.wire import PredictRowsReply


def new_row(name: str = "r", *, timeout_s: float = 60.0) -> Row:
    """A trip of one mile whose caller waits."""
    future = asyncio.get_running_loop().create_future()
    return Row((130, 205, 1.0, None), name, time.time() + timeout_s, future)


async def turn() -> None:
    """Let the loop handle what is ready."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def success(*predictions: float) -> dict[str, Any]:
    """The record of a task that answered all its rows."""
    outcome = BatchOutcome(predictions=list(predictions))
    reply = PredictRowsReply(model="trip_duration", version="v", worker="w", outcome=outcome, queue_ms=1.0)
    return {"status": "SUCCESS", "result": reply.encode()}


def heartbeat(worker: str, beat: int, *tasks: str, draining: bool = False) -> Heartbeat:
    """What a worker tells that has ``tasks`` in hand."""
    return Heartbeat(
        id=worker,
        host="here",
        pid=1,
        queues=["tasks.trip", "tasks.trip.quarantine"],
        models={"trip_duration": ["v"]},
        device="cpu",
        rows_per_s=0.0,
        rows_in_hand=0,
        tasks_in_hand=list(tasks),
        beat=beat,
        draining=draining,
        time=time.time(),
    )
