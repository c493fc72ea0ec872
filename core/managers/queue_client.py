"""The way from a web process to the workers and back: what a router calls to predict a row."""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from loguru import logger
from redis.exceptions import RedisError

from core.managers.admission import Admission
from core.managers.block import Block
from core.managers.block_client import SETTLE_S, BlockClient, is_of_unknown_version
from core.managers.call_desk import CallDesk
from core.managers.kombu_publisher import KombuPublisher
from core.managers.ledger import Ledger
from core.managers.line import Row, RowAnswer
from core.managers.lines import Lines
from core.managers.publisher import Publisher
from core.managers.redis_publisher import RedisPublisher
from core.managers.replies import ReplyListener
from core.managers.return_table import ReturnTable, create_shared_memory
from core.managers.route_table import RouteTable
from core.managers.version_choice import VersionChoice
from core.managers.worker_directory import WorkerDirectory
from core.schemas.catalog import CatalogEntry
from core.schemas.outcome import RowErrorCode
from core.schemas.task_message import TaskMessage
from core.schemas.wire import Columns, PredictRowsRequest, PreparedRows
from core.utilities.background import stop_tasks
from core.utilities.errors import (
    BrokerUnavailableError,
    DeadlinePassedError,
    LineFullError,
    NoVersionError,
    NoWorkerError,
    PredictionError,
    TripcastError,
    UnknownVersionError,
)

TEND_INTERVAL_S = 0.2
START_TIMEOUT_S = 2.0
START_POLL_S = 0.02
MAX_REFUSALS = 4
"""Of a version that a route names, by workers that do not know it: about a second, then the caller is told."""


@dataclass(frozen=True, kw_only=True)
class LineLimits:
    """How much may gather and travel; the defaults are those of the settings."""

    max_batch_rows: int = 512
    max_inflight_per_worker: int = 2
    max_waiting_rows: int = 10_000
    max_chunk_rows: int = 5000
    max_chunks_per_worker: int = 1
    max_waiting_chunk_rows: int = 100_000
    worker_grace_s: float = 10.0


class QueueClient:
    """Predicts rows through the queue; one a web process, built in its lifespan.

    Parameters
    ----------
    entries : sequence of CatalogEntry
        The models that can be asked for.
    broker_url, backend_url : str
        Where messages go, and the Redis where results and heartbeats are.
    limits : LineLimits
        Bounds of the line.
    pinned : mapping of str to str, optional
        Model -> the version that answers whatever its route says.
    returns : ReturnTable, optional
        What refused clients were told, shared by the web processes of a host; one of its own if not given.
    """

    def __init__(
        self,
        entries: Sequence[CatalogEntry],
        *,
        broker_url: str,
        backend_url: str,
        limits: LineLimits,
        pinned: Mapping[str, str] | None = None,
        returns: ReturnTable | None = None,
    ) -> None:
        self.process = uuid.uuid4().hex[:12]
        self._entries = {entry.model: entry for entry in entries}
        self._limits = limits
        self._champions: dict[str, str] = {}
        self._loop = asyncio.get_running_loop()
        self._tending: asyncio.Task[None] | None = None
        self.workers = WorkerDirectory(backend_url)
        self.routes = RouteTable(backend_url, on_change=self._on_route_change)
        self._versions = VersionChoice(pinned or {}, self.routes, self.workers)
        publisher = RedisPublisher if broker_url.startswith("redis://") else KombuPublisher
        self.publisher: Publisher = publisher(broker_url, on_failure=self._on_failure, on_change=self._on_broker_change)
        self.replies = ReplyListener(
            backend_url, prefix=f"{self.process}-", on_reply=self._on_reply, pending=self._pending, wanted=self._owns
        )
        self._ledgers = {
            entry.model: Ledger(
                entry, process=self.process, publish=self.publisher.publish, read_results=self.replies.read
            )
            for entry in entries
        }
        self._calls = CallDesk(process=self.process, publish=self.publisher.publish)
        self._blocks = {entry.model: self._block_client(entry) for entry in entries}
        returns = returns or ReturnTable(create_shared_memory())
        self.admissions = {entry.model: Admission(returns=returns) for entry in entries}
        self._lines = Lines(
            send=lambda batch: self._ledgers[batch.line.model].send(batch),
            max_batch_rows=limits.max_batch_rows,
            max_inflight=self._max_inflight,
            on_reply=lambda batch, batch_s: self.admissions[batch.line.model].note_batch(batch, batch_s),
        )

    async def start(self) -> None:
        """Connect to everything; what cannot be reached soon is looked for in the background.

        A web process takes requests as soon as this returns. One that replaces another must not refuse what
        the other would have taken, so it first sees for itself who is there.
        """
        self.publisher.start()
        self.replies.start()
        self.routes.start()
        self._tending = asyncio.create_task(self._tend_for_ever(), name="queue-tender")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wait_until_served(), START_TIMEOUT_S)

    async def _wait_until_served(self) -> None:
        while any(self.missing(entry.model) for entry in self._entries.values() if entry.essential):
            await asyncio.sleep(START_POLL_S)

    async def stop(self) -> None:
        """Close everything. Requests must have been drained before."""
        if self._tending is not None:
            await stop_tasks([self._tending])
        await self.publisher.stop()
        await self.replies.stop()
        await self.routes.stop()
        await self.workers.stop()

    def join(
        self, model: str, version: str | None, values: tuple[Any, ...], *, request_id: str, timeout_s: float
    ) -> Row:
        """Let one row wait in line; whoever calls this must call ``leave`` in the end.

        Parameters
        ----------
        model, version : str, str or None
            Who shall answer; ``None`` leaves the version to settings and route.
        values : tuple
            The features, in the order of the catalog entry.
        request_id : str
            The caller's id.
        timeout_s : float
            Seconds until the deadline.

        Raises
        ------
        BrokerUnavailableError, NoWorkerError, NoVersionError, LineFullError, OverloadError, UnknownVersionError
            If the row is not taken.
        """
        entry = self._entries[model]
        chosen = self._versions.choose(entry, request_id, asked=version)
        admission = self.admissions[model]
        self._admit(entry, request_id=request_id, timeout_s=timeout_s)
        line = self._lines.get(model, chosen)
        row = Row(values, request_id, time.time() + timeout_s, self._loop.create_future(), routed=version is None)
        row.alarm = self._loop.call_later(timeout_s, row.fail, DeadlinePassedError("no answer before the deadline"))
        admission.enter()
        line.join(row)
        return row

    async def answer(self, row: Row) -> RowAnswer:
        """Wait for the prediction of a row.

        Raises
        ------
        DeadlinePassedError
            If no answer came in time.
        BrokerUnavailableError
            If the row could not be sent.
        PredictionError
            If the model failed on this row.
        UnknownVersionError, NoVersionError
            If no worker has the version that the request asked for, or that its route names.
        """
        answer = await row.answer
        while row.routed and self._is_to_be_asked_again(row, answer):
            await self._ask_again(row, answer)
            answer = await row.answer
        if _is_of_unknown_version(answer):
            raise self._unknown(answer.model, answer.version, routed=row.routed)
        return _raise_for_error(answer)

    def _is_to_be_asked_again(self, row: Row, answer: RowAnswer) -> bool:
        """Tell whether somebody else should answer a row, for which nobody named a version."""
        if _is_of_unknown_version(answer):
            row.refusals += 1
            return row.refusals <= MAX_REFUSALS
        return self._versions.is_outdated(self._entries[answer.model], answer.version)

    async def _ask_again(self, row: Row, answer: RowAnswer) -> None:
        row.answer = self._loop.create_future()
        if _is_of_unknown_version(answer):
            # Whoever does not have it loads it, or a route comes that names another.
            await asyncio.wait([row.answer], timeout=SETTLE_S)
        if time.time() >= row.expires_at:
            row.fail(DeadlinePassedError("no answer before the deadline"))
        if not row.answer.done():
            entry = self._entries[answer.model]
            self._lines.get(entry.model, self._versions.choose(entry, row.request_id, asked=None)).join(row)

    def leave(self, row: Row) -> None:
        """Forget a row, whatever became of it."""
        if row.alarm is not None:
            row.alarm.cancel()
        if row.line is not None:
            row.line.leave(row)
            self.admissions[row.line.model].leave()

    async def predict(
        self, model: str, version: str | None, values: tuple[Any, ...], *, request_id: str, timeout_s: float
    ) -> RowAnswer:
        """Predict one row: ``join``, ``answer``, ``leave``."""
        row = self.join(model, version, values, request_id=request_id, timeout_s=timeout_s)
        try:
            return await self.answer(row)
        finally:
            self.leave(row)

    async def predict_block(
        self, model: str, version: str | None, features: Columns, *, request_id: str, timeout_s: float
    ) -> Block:
        """Predict many rows of one caller with one version.

        Without a version asked for, that is the route's when the block is taken; should the workers be replaced
        by ones that hold another in mid-block, the block starts anew with that.

        Parameters
        ----------
        model, version : str, str or None
            Who shall answer; ``None`` leaves the version to settings and route.
        features : Columns
            The features by name, (n_rows,) each, at least one row.
        request_id : str
            The caller's id.
        timeout_s : float
            Seconds until the deadline.

        Returns
        -------
        Block
            A prediction or an error for each row.

        Raises
        ------
        BrokerUnavailableError, NoWorkerError, NoVersionError, LineFullError, UnknownVersionError
            If the block is not taken, or no worker has the version.
        """
        block = await self._blocks[model].predict(version, features, request_id=request_id, timeout_s=timeout_s)
        if len(block.errors) == block.rows and is_of_unknown_version(block):
            raise self._unknown(model, block.version or "", routed=version is None)
        return block

    async def prepare_row(
        self, model: str, version: str | None, values: Mapping[str, Any], *, timeout_s: float
    ) -> PreparedRows:
        """Ask a worker what a model looks at in a row.

        Parameters
        ----------
        model, version : str, str or None
            Who shall answer; ``None`` leaves the version to settings and route.
        values : mapping of str to anything
            The row's features; those that it leaves out are ``None``.
        timeout_s : float
            Seconds until the deadline.

        Raises
        ------
        BrokerUnavailableError, NoWorkerError
            If the row cannot be sent, or nobody would take it.
        DeadlinePassedError
            If no answer came in time.
        PredictionError
            If the worker failed on the row.
        """
        entry = self._entries[model]
        self._require_way(entry)
        request = PredictRowsRequest(
            model=model,
            version=self._versions.choose(entry, "", asked=version),
            columns={name: [value] for name, value in values.items() if value is not None},
            ids=[""],
            deadlines=[time.time() + timeout_s],
        )
        result = await self._calls.call(
            entry.prepare_rows_task, request.encode(), queue=entry.queue, timeout_s=timeout_s
        )
        return PreparedRows.decode(result)

    def waiting_rows(self) -> int:
        """Return how many rows wait in this process, not yet in any queue."""
        return self._lines.waiting_rows

    def missing(self, model: str) -> str | None:
        """Return what is missing before ``model`` can be served from here, ``None`` if nothing is."""
        if not self.publisher.reachable:
            return "broker"
        if not self.replies.connected.is_set():
            return "result backend"
        queue = self._entries[model].queue
        if not self.workers.serving(queue):
            return "worker"
        return None if self.workers.serve(queue, model) else "model"

    def champion(self, model: str) -> str:
        """Return the version that answers for ``model`` by default; empty until a route or a worker was seen."""
        queue = self._entries[model].queue
        if not self.workers.decide(queue, model) and (known := self._versions.champion(model)):
            return known
        for worker in self.workers.serving(self._entries[model].queue):
            self._champions.update({name: versions[0] for name, versions in worker.models.items()})
        return self._champions.get(model, "")

    def _unknown(self, model: str, version: str, *, routed: bool) -> TripcastError:
        """Return what is said of a version that a worker does not have: whose fault that is, decides."""
        if routed:
            return NoVersionError(f"no worker could answer with {model} {version}")
        self._versions.note_unknown(model, version)
        return UnknownVersionError(f"{model} has no version {version}")

    def _on_route_change(self, model: str) -> None:
        """Send rows that wait for a version which no longer answers to one that does."""
        for line in self._lines.of(model):
            for row in line.take_routed():
                self._lines.get(model, self._versions.choose(self._entries[model], row.request_id, asked=None)).join(
                    row
                )

    def _pending(self) -> list[str]:
        ledgers = self._ledgers.values()
        return [*(task_id for ledger in ledgers for task_id in ledger.pending()), *self._calls.pending()]

    def _owns(self, task_id: str) -> bool:
        return any(ledger.owns(task_id) for ledger in self._ledgers.values()) or self._calls.owns(task_id)

    def _max_inflight(self, model: str) -> int:
        return self._limits.max_inflight_per_worker * max(1, len(self.workers.serving(self._entries[model].queue)))

    def _block_client(self, entry: CatalogEntry) -> BlockClient:
        limits = self._limits
        return BlockClient(
            entry.model,
            send=self._ledgers[entry.model].send,
            require_way=lambda: self._require_way(entry),
            choose=lambda version, request_id: (
                self._versions.choose(entry, request_id, asked=version) or self.champion(entry.model)
            ),
            max_chunk_rows=limits.max_chunk_rows,
            max_waiting_rows=limits.max_waiting_chunk_rows,
            max_inflight=lambda: limits.max_chunks_per_worker * max(1, len(self.workers.serving(entry.queue))),
        )

    def _require_way(self, entry: CatalogEntry) -> None:
        """Refuse what could not even be sent, or that nobody would take."""
        if not self.publisher.reachable:
            raise BrokerUnavailableError("the broker cannot be reached")
        if not self.replies.connected.is_set():
            raise BrokerUnavailableError("the result backend cannot be reached")
        if self.workers.seconds_without(entry.queue) > self._limits.worker_grace_s:
            raise NoWorkerError("no worker takes tasks")
        if self.workers.serving(entry.queue) and not self.workers.serve(entry.queue, entry.model):
            raise NoVersionError(f"no version of {entry.model} is served")

    def _admit(self, entry: CatalogEntry, *, request_id: str, timeout_s: float) -> None:
        self._require_way(entry)
        if self.waiting_rows() >= self._limits.max_waiting_rows:
            raise LineFullError("too many requests wait")
        self.admissions[entry.model].admit(request_id, timeout_s)

    def _on_reply(self, task_id: str, record: dict[str, Any]) -> None:
        for ledger in self._ledgers.values():
            if ledger.owns(task_id):
                ledger.on_reply(task_id, record)
        self._calls.on_reply(task_id, record)

    def _on_failure(self, message: TaskMessage) -> None:
        """Called on the publisher's thread, perhaps."""
        self._loop.call_soon_threadsafe(self._on_unsent, message.task_id)

    def _on_unsent(self, task_id: str) -> None:
        for ledger in self._ledgers.values():
            ledger.on_unsent(task_id)
        self._calls.on_unsent(task_id)

    def _on_broker_change(self, reachable: bool) -> None:
        """Called on the publisher's thread, perhaps."""
        logger.log("INFO" if reachable else "WARNING", "broker {}", "reached" if reachable else "lost")
        if reachable:
            self._loop.call_soon_threadsafe(self._on_broker_back)

    def _on_broker_back(self) -> None:
        for ledger in self._ledgers.values():
            ledger.on_broker_back()

    async def _tend_for_ever(self) -> None:
        """Twice a heartbeat: forget what nobody wants, look for what is lost, let more depart."""
        while True:
            await asyncio.sleep(TEND_INTERVAL_S)
            for ledger in self._ledgers.values():
                ledger.drop_unwanted()
            try:
                await self.routes.poll()  # first: whoever sees a worker takes requests
                await self.workers.poll()
                await self._look_for_lost()
            except (RedisError, OSError, TimeoutError) as error:
                logger.debug("the workers cannot be seen: {}", type(error).__name__)
            for line in self._lines:
                line.depart()
            for blocks in self._blocks.values():
                blocks.lane.depart()
            for model, admission in self.admissions.items():
                admission.report(model)

    async def _look_for_lost(self) -> None:
        for entry in self._entries.values():
            ledger = self._ledgers[entry.model]
            if len(ledger):
                await ledger.look_for_lost(self.workers.holding(entry.queue))


def _is_of_unknown_version(answer: RowAnswer) -> bool:
    return answer.error is not None and answer.error.code is RowErrorCode.UNKNOWN_VERSION


def _raise_for_error(answer: RowAnswer) -> RowAnswer:
    if answer.error is None:
        return answer
    if answer.error.code is RowErrorCode.DEADLINE_PASSED:
        raise DeadlinePassedError(answer.error.detail)
    raise PredictionError(answer.error.code.value)
