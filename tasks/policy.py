"""What every prediction task does around its own three lines: time, isolate, log."""

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from celery import Task
from celery.worker.request import Request
from celery.worker.state import task_ready
from greenlet import getcurrent
from kombu import Message

from core.managers.batch_log import log_batch
from core.managers.predictor import BatchPredictor
from core.managers.sandbox import predict_in_sandbox
from core.schemas.wire import PredictRowsReply, PredictRowsRequest

SANDBOX_COMMAND = (sys.executable, "-m", "tasks.sandbox")


class Done(NamedTuple):
    """A predicted batch, until it is logged."""

    request_ids: list[str]
    reply: PredictRowsReply


class PredictionRequest(Request):
    """Celery's request, which is decoded once and leaves the worker's hands however it ends."""

    def __init__(self, message: Message, *, body: Any = None, decoded: bool = False, **options: Any) -> None:  # noqa: ANN401 (Celery's signature)
        # Celery decodes a body when it arrives, forgets that, and decodes it once more when the task runs.
        super().__init__(message, body=body if decoded else message.payload, decoded=True, **options)

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Begin; if the greenlet that runs this dies, the request is done all the same.

        When a result cannot be stored, because Redis is away, Celery on gevent lets the greenlet die and
        keeps the request as active for ever. The heartbeat would say that this worker still holds it.
        """
        runner = getcurrent()
        if hasattr(runner, "link_exception"):
            runner.link_exception(lambda _: task_ready(self))
        super().on_accepted(pid, time_accepted)


class PredictionTask(Task):
    """Base of the prediction tasks; its application is a ``TripcastCelery``."""

    Request = "tasks.policy:PredictionRequest"
    resultrepr_maxsize = 16
    """Celery writes out the start of each result for a log line that nobody asked for."""

    def predict(self, request: PredictRowsRequest) -> PredictRowsReply:
        """Predict a batch; as :meth:`predict_together`."""
        [reply] = self.predict_together([request])
        return reply

    def predict_together(self, requests: Sequence[PredictRowsRequest]) -> list[PredictRowsReply]:
        """Predict the batches of a message and log them; those under suspicion go to the sandbox.

        Under suspicion is what came over the quarantine queue, and what was delivered again because its
        first worker died before it acknowledged.
        """
        predictor: BatchPredictor = self.app.predictor
        queue_ms = self._queue_ms()
        if self._is_suspicious():
            replies = [replace(self._predict_in_sandbox(request), queue_ms=queue_ms) for request in requests]
        else:
            first = self.request.get("lane") != "chunks"
            replies = predictor.compute_together(requests, queue_ms=queue_ms, first=first)
        self.request.done = [Done(request.ids, reply) for request, reply in zip(requests, replies, strict=True)]
        return replies

    def _predict_in_sandbox(self, request: PredictRowsRequest) -> PredictRowsReply:
        return predict_in_sandbox(
            SANDBOX_COMMAND, request, worker=self.app.predictor.worker, row_timeout_s=self.app.model_timeout_s
        )

    def after_return(self, *_: object) -> None:
        """Log what was predicted, once the result is on its way."""
        for done in self.request.get("done") or ():
            if done.request_ids:
                log_batch(done.reply, task_id=str(self.request.id), request_ids=done.request_ids, side="worker")

    def _is_suspicious(self) -> bool:
        delivery = self.request.delivery_info or {}
        return bool(delivery.get("redelivered")) or str(delivery.get("routing_key")).endswith(".quarantine")

    def _queue_ms(self) -> float:
        """Return how long the message waited: from the sender's stamp to now, 0 without a stamp."""
        sent_at = self.request.get("sent_at")
        return max(0.0, (time.time() - sent_at) * 1000.0) if isinstance(sent_at, int | float) else 0.0
