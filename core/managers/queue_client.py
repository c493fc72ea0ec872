"""The way from a web process to the workers and back: what a router calls to predict a row."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from loguru import logger
from redis.exceptions import RedisError

from core.managers.admission import Admission
from core.managers.block import Block
from core.managers.block_client import BlockClient, is_of_unknown_version
from core.managers.call_desk import CallDesk
from core.managers.kombu_publisher import KombuPublisher
from core.managers.ledger import Ledger
from core.managers.line import Row, RowAnswer
from core.managers.line_limits import LineLimits
from core.managers.lines import Lines
from core.managers.publisher import Publisher
from core.managers.redis_publisher import RedisPublisher
from core.managers.replies import ReplyListener
from core.managers.return_table import ReturnTable, create_shared_memory
from core.managers.route_table import RouteTable
from core.managers.row_client import RowClient
from core.managers.version_choice import VersionChoice
from core.managers.way import Way
from core.managers.worker_directory import WorkerDirectory
from core.schemas.backlog import RowCount
from core.schemas.catalog import CatalogEntry
from core.schemas.task_message import TaskMessage
from core.schemas.wire import Columns, PredictRowsRequest, PreparedRows
from core.utilities.background import stop_tasks

TEND_INTERVAL_S = 0.2
START_TIMEOUT_S = 2.0
START_POLL_S = 0.02


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
        self._way = Way(
            publisher=self.publisher,
            replies=self.replies,
            workers=self.workers,
            worker_grace_s=limits.worker_grace_s,
            wait_for_workers=limits.wait_for_workers,
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
        self.admissions = {
            entry.model: Admission(returns=returns, nobody_works=partial(self._way.is_awaited, entry))
            for entry in entries
        }
        self._lines = Lines(
            send=lambda batch: self._ledgers[batch.line.model].send(batch),
            max_batch_rows=limits.max_batch_rows,
            max_inflight=self._max_inflight,
            workers=self._count_workers,
            may_mix=lambda model: self.workers.mix(self._entries[model].queue),
            on_reply=lambda batch, batch_s: self.admissions[batch.line.model].note_batch(batch, batch_s),
        )
        self._rows = RowClient(
            entries,
            lines=self._lines,
            versions=self._versions,
            admissions=self.admissions,
            require_way=self._way.require,
            max_waiting_rows=limits.max_waiting_rows,
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
        """Let one row wait in line; see :meth:`core.managers.row_client.RowClient.join`."""
        return self._rows.join(model, version, values, request_id=request_id, timeout_s=timeout_s)

    def answer(self, row: Row) -> Awaitable[RowAnswer]:
        """Wait for the prediction of a row; see :meth:`core.managers.row_client.RowClient.answer`."""
        return self._rows.answer(row)

    def leave(self, row: Row) -> None:
        """Forget a row, whatever became of it."""
        self._rows.leave(row)

    async def predict_block(
        self, model: str, version: str | None, features: Columns, *, request_id: str, timeout_s: float
    ) -> Block:
        """Predict many rows of one caller with one version.

        Without a version asked for, that is the route's when the block is taken; should the route, or the workers, be
        changed to another in mid-block, the block starts anew with that.

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
            raise self._versions.unknown(model, block.version or "", routed=version is None)
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
        entry, expires_at = self._entries[model], time.time() + timeout_s
        while True:
            self._way.require(entry)
            request = PredictRowsRequest(
                model=model,
                version=self._versions.choose(entry, "", asked=version),
                columns={name: [value] for name, value in values.items() if value is not None},
                ids=[""],
                deadlines=[expires_at],
            )
            result = await self._calls.call(
                entry.prepare_rows_task, request.encode(), queue=entry.queue, timeout_s=expires_at - time.time()
            )
            prepared = PreparedRows.decode(result)
            if version is not None or not self._versions.is_outdated(entry, prepared.version):
                return prepared

    def count_rows(self) -> dict[str, RowCount]:
        """Return how many rows have no answer yet, by model: those that wait here and those that were sent."""
        return {
            model: RowCount(
                held=sum(len(line) for line in self._lines.of(model)) + len(self._blocks[model].lane),
                sent=ledger.rows,
            )
            for model, ledger in self._ledgers.items()
        }

    def missing(self, model: str) -> str | None:
        """Return what is missing before ``model`` can be served from here, ``None`` if nothing is."""
        return self._way.missing(self._entries[model])

    def champion(self, model: str) -> str:
        """Return the version that answers for ``model`` by default; empty until a route or a worker was seen."""
        queue = self._entries[model].queue
        if not self.workers.decide(queue, model) and (known := self._versions.champion(model)):
            return known
        for worker in self.workers.serving(self._entries[model].queue):
            self._champions.update({name: versions[0] for name, versions in worker.models.items()})
        return self._champions.get(model, "")

    def _on_route_change(self, model: str) -> None:
        self._rows.follow_route(model)

    def _pending(self) -> list[str]:
        ledgers = self._ledgers.values()
        return [*(task_id for ledger in ledgers for task_id in ledger.pending()), *self._calls.pending()]

    def _owns(self, task_id: str) -> bool:
        return any(ledger.owns(task_id) for ledger in self._ledgers.values()) or self._calls.owns(task_id)

    def _max_inflight(self, model: str) -> int:
        return self._limits.max_inflight_per_worker * max(1, self._count_workers(model))

    def _count_workers(self, model: str) -> int:
        return len(self.workers.serving(self._entries[model].queue))

    def _block_client(self, entry: CatalogEntry) -> BlockClient:
        limits = self._limits
        return BlockClient(
            entry.model,
            send=self._ledgers[entry.model].send,
            require_way=lambda: self._way.require(entry),
            choose=lambda version, request_id: (
                self._versions.choose(entry, request_id, asked=version) or self.champion(entry.model)
            ),
            is_outdated=lambda version: self._versions.is_outdated(entry, version),
            max_chunk_rows=limits.max_chunk_rows,
            max_waiting_rows=limits.max_waiting_chunk_rows,
            max_inflight=lambda: limits.max_chunks_per_worker * max(1, len(self.workers.serving(entry.queue))),
        )

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
