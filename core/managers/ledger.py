"""The ledger: every batch under way, and what becomes of it.

A batch that is lost is sent again under a new id (a revoked or finished id stays so on a worker), after a
last look for its result. The first loss may be an accident; a batch that is lost twice may have killed its
workers, so its rows go on to the quarantine queue in small pieces.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from loguru import logger

from core.managers.batch_log import log_batch
from core.managers.parcel import Lane, Parcel
from core.schemas.catalog import CatalogEntry
from core.schemas.heartbeat import Heartbeat
from core.schemas.task_message import TaskMessage
from core.schemas.wire import PredictRowsRequest, decode_replies
from core.services.loss import Hands, Progress, Trace, Verdict, judge
from core.utilities.errors import (
    BrokerUnavailableError,
    DeadlinePassedError,
    PredictionError,
    TripcastError,
    WireError,
)

SUCCESS, REVOKED = "SUCCESS", "REVOKED"
SUSPICION_S = 0.4
"""A message that no worker is seen to hold for so long is asked after."""
CHASER_INTERVAL_S = 1.0
CHASER_LIFETIME_S = 10.0
QUARANTINE_ATTEMPT = 2
LAST_ATTEMPT = 5


@dataclass(frozen=True, slots=True)
class Sending:
    """One sending of a batch, and when it left by the loop's clock."""

    batch: Parcel
    trace: Trace
    sent_at: float


class Ledger:
    """Sends batches of one model, takes their replies, sends again what is lost.

    Used on the event loop only.

    Parameters
    ----------
    entry : CatalogEntry
        The model.
    process : str
        Prefix of all task ids of this process.
    publish : callable
        Puts a message on its queue; raises ``BrokerUnavailableError``.
    read_results : callable
        Looks for the results of some task ids and delivers those that exist; raises if Redis is away.
    """

    def __init__(
        self,
        entry: CatalogEntry,
        *,
        process: str,
        publish: Callable[[TaskMessage], None],
        read_results: Callable[[Iterable[str]], Awaitable[None]],
    ) -> None:
        self._entry = entry
        self._process = process
        self._publish = publish
        self._read_results = read_results
        self._sendings: dict[str, Sending] = {}
        self._chasers: dict[str, Trace] = {}
        self._queues = {name: Progress() for name in (entry.queue, entry.quarantine_queue)}
        self._ids = 0

    def __len__(self) -> int:
        return len(self._sendings)

    @property
    def rows(self) -> int:
        """How many rows are under way, each counted once."""
        return sum(len(batch) for batch in self._batches())

    def owns(self, task_id: str) -> bool:
        """Tell whether a task is of this ledger and not finished."""
        return task_id in self._sendings or task_id in self._chasers

    def pending(self) -> list[str]:
        """Return the ids of the tasks whose results are awaited."""
        return [*self._sendings, *self._chasers]

    def send(self, batch: Parcel) -> None:
        """Send a batch for the first time. If the broker is away, its rows get that error."""
        self._ids += 1
        self._send(batch, task_id=f"{self._process}-{self._entry.resource}-{self._ids}", queue=self._entry.queue)

    def on_unsent(self, task_id: str) -> None:
        """Take note that a message could not be published.

        A new batch is refused, so that its callers can try again soon. One that was taken before waits for
        the broker: it counts as sent, and will be found lost.
        """
        self._chasers.pop(task_id, None)
        sending = self._sendings.get(task_id)
        if sending is not None and sending.batch.attempt == 0:
            self._finish(sending.batch, BrokerUnavailableError("the broker cannot be reached"))

    def on_reply(self, task_id: str, record: dict[str, Any]) -> None:
        """Take a result record of Celery's backend; one that nobody waits for is ignored."""
        if (chaser := self._chasers.pop(task_id, None)) is not None:
            self._queues[chaser.queue].passed(chaser.number)
        sending = self._sendings.get(task_id)
        if sending is None:
            return
        self._queues[sending.trace.queue].passed(sending.trace.number)
        batch, status = sending.batch, record.get("status")
        if status == SUCCESS:
            self._answer(task_id, batch, record.get("result"))
        elif status == REVOKED:
            self._finish(batch, DeadlinePassedError("the task expired in the queue"))
        else:
            # Rows fail one by one in a reply; a task that fails whole met something else: the broker was lost in
            # the middle of it, say. That is worth another try, and the quarantine if it happens again.
            logger.bind(task_id=task_id).error("the worker failed on a batch: {}", status)
            if task_id == batch.task_ids[-1]:
                self._send_again(batch)

    def on_broker_back(self) -> None:
        """Ask after everything at once: a broker that was away may have forgotten it."""
        self._chasers.clear()
        for progress in self._queues.values():
            progress.chased_at = float("-inf")

    def drop_unwanted(self) -> None:
        """Forget the batches that nobody waits for any more, and with the last one whom to ask."""
        for batch in self._batches():
            if not batch.wanted:
                self._finish(batch)
        if not self._sendings:
            self._chasers.clear()

    async def look_for_lost(self, workers: Iterable[Heartbeat]) -> None:
        """Compare what is under way with what the workers hold; send again what is lost.

        Raises
        ------
        redis.exceptions.RedisError
            If Redis is away; nothing was sent again then.
        """
        hands = {worker.id: Hands(worker.beat, frozenset(worker.tasks_in_hand)) for worker in workers}
        held = frozenset().union(*(hand.tasks for hand in hands.values()))
        traces = [*(sending.trace for sending in self._sendings.values()), *self._chasers.values()]
        for trace in traces:
            if trace.task_id in held:
                self._queues[trace.queue].passed(trace.number)
        lost = [
            sending
            for sending in self._latest_sendings()
            if judge(sending.trace, workers=hands, last_passed=self._queues[sending.trace.queue].last_passed)
            is Verdict.LOST
        ]
        if lost:
            await self._read_results([sending.trace.task_id for sending in lost])
        for sending in lost:
            if sending.trace.task_id in self._sendings:
                self._send_again(sending.batch)
        if hands:  # else there is nobody who could answer a chaser, and they would pile up
            self._ask_after_silent()

    def _batches(self) -> list[Parcel]:
        """Return the batches under way, each once, however often it was sent."""
        return list({id(sending.batch): sending.batch for sending in self._sendings.values()}.values())

    def _latest_sendings(self) -> list["Sending"]:
        return [sending for sending in self._sendings.values() if sending.batch.task_ids[-1] == sending.trace.task_id]

    def _send(self, batch: Parcel, *, task_id: str, queue: str) -> None:
        trace = Trace(task_id=task_id, queue=queue, number=self._queues[queue].next_number())
        self._sendings[task_id] = Sending(batch=batch, trace=trace, sent_at=_now())
        batch.task_ids.append(task_id)
        try:
            self._publish(
                self._message(
                    batch.encode(self._entry.features),
                    task_id=task_id,
                    queue=queue,
                    expires_at=batch.expires_at,
                    lane=batch.lane,
                )
            )
        except BrokerUnavailableError:
            self.on_unsent(task_id)

    def _send_again(self, batch: Parcel) -> None:
        """Send a lost batch under a new id: to the queue once, from then on in pieces to the quarantine.

        Of several versions that shared a message one may have done it: they travel alone.
        """
        first_id = batch.task_ids[0]
        batch.attempt += 1
        batch.note_lost()
        logger.bind(task_id=batch.task_ids[-1], attempt=batch.attempt).warning("a batch is lost and sent again")
        if batch.attempt > LAST_ATTEMPT:
            self._finish(batch, PredictionError("the prediction was lost too often"))
        elif batch.attempt < QUARANTINE_ATTEMPT and len(batch.parts) > 1:
            for part in batch.parts:
                part.attempt, part.in_line = batch.attempt, False
            self._send_instead(batch, batch.parts, queue=self._entry.queue)
        elif batch.attempt < QUARANTINE_ATTEMPT:
            self._send(batch, task_id=f"{first_id}.{batch.attempt}", queue=self._entry.queue)
        else:
            self._send_instead(batch, batch.pieces(), queue=self._entry.quarantine_queue)

    def _send_instead(self, batch: Parcel, parcels: Sequence[Parcel], *, queue: str) -> None:
        """Send what a lost batch is cut into; it gives its place back."""
        task_id = f"{batch.task_ids[0]}.{batch.attempt}"
        self._forget(batch)
        for number, parcel in enumerate(parcels):
            numbered = batch.in_line or len(parcels) > 1
            self._send(parcel, task_id=f"{task_id}.{number}" if numbered else task_id, queue=queue)

    def _ask_after_silent(self) -> None:
        """Send a chaser behind messages that are silent: an empty batch, whose reply says that they left."""
        now = _now()
        silent = {
            sending.trace.queue
            for sending in self._latest_sendings()
            if sending.trace.beats is None and now - sending.sent_at > SUSPICION_S
        }
        for queue in silent:
            if now - self._queues[queue].chased_at < CHASER_INTERVAL_S:
                continue
            self._queues[queue].chased_at = now
            self._ids += 1
            task_id = f"{self._process}-chaser-{self._ids}"
            nobody = PredictRowsRequest(model=self._entry.model, version=None, columns={}, ids=[], deadlines=[])
            self._chasers[task_id] = Trace(task_id=task_id, queue=queue, number=self._queues[queue].next_number())
            try:
                self._publish(
                    self._message(
                        nobody.encode(),
                        task_id=task_id,
                        queue=queue,
                        expires_at=time.time() + CHASER_LIFETIME_S,
                        lane="rows",
                    )
                )
            except BrokerUnavailableError:
                del self._chasers[task_id]

    def _message(
        self, argument: dict[str, Any], *, task_id: str, queue: str, expires_at: float, lane: Lane
    ) -> TaskMessage:
        return TaskMessage(
            task_id=task_id,
            task=self._entry.predict_rows_task,
            queue=queue,
            argument=argument,
            expires_at=expires_at,
            sent_at=time.time(),
            origin=f"{os.getpid()}@{self._process}",
            lane=lane,
        )

    def _answer(self, task_id: str, batch: Parcel, result: object) -> None:
        try:
            replies = decode_replies(result, rows=[len(part) for part in batch.parts])
        except WireError as error:
            logger.bind(task_id=task_id).error("a reply that cannot be read: {}", error)
            self._finish(batch, PredictionError("the worker's reply cannot be read"))
            return
        for part, reply in zip(batch.parts, replies, strict=True):
            log_batch(reply, task_id=task_id, request_ids=part.ids, side="web")
        batch.deliver(replies, task_id)
        self._finish(batch)

    def _finish(self, batch: Parcel, error: TripcastError | None = None) -> None:
        """Forget a batch; rows without an answer get ``error``."""
        if error is not None:
            batch.fail(error)
        self._forget(batch)

    def _forget(self, batch: Parcel) -> None:
        for task_id in batch.task_ids:
            self._sendings.pop(task_id, None)
        if batch.in_line:
            batch.release()


def _now() -> float:
    return asyncio.get_running_loop().time()
