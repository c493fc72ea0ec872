"""Bulk scoring: a table streams through the queue, a few blocks under way, and comes out in its order.

Reading, checking, predicting and writing overlap. What a part needs of memory is bounded by the slices under way,
whatever the size of the table.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue

import polars as pl
from loguru import logger

from core.handlers.score import CheckedFrame, score_frame
from core.handlers.table import Scored, Slice, Table
from core.managers.block import Block
from core.managers.queue_client import QueueClient
from core.managers.score_job import Plan, ScoreJob
from core.schemas.catalog import CatalogEntry
from core.schemas.outcome import RowErrorCode
from core.utilities.errors import (
    BrokerUnavailableError,
    LineFullError,
    NoWorkerError,
    TripcastError,
    UnknownVersionError,
)

PART_ROWS = 32_768
"""Rows of a part, the unit of what a broken run has done: half a minute of a model that takes a millisecond a row."""
BLOCK_TIMEOUT_S = 3600.0
"""A block has no deadline of its own; whether anybody is there to answer it is watched apart."""
WATCH_INTERVAL_S = 0.5
BULK_ID = ""
"""No caller gave the rows an id, and each would be written out and read again."""
_REFUSED = (BrokerUnavailableError, NoWorkerError, LineFullError)


class Scorer:
    """One bulk run.

    Parameters
    ----------
    queue : QueueClient
        The way to the workers.
    entry : CatalogEntry
        The model.
    table : Table
        What is scored.
    job : ScoreJob
        Where its parts are kept; ``begin`` has accepted ``plan``.
    plan : Plan
        What the run scores, by which version.
    patience_s : float
        How long broker and workers may be away.
    on_rows : callable
        Told how many rows more are scored.
    """

    def __init__(
        self,
        queue: QueueClient,
        *,
        entry: CatalogEntry,
        table: Table,
        job: ScoreJob,
        plan: Plan,
        patience_s: float,
        on_rows: Callable[[int], None],
    ) -> None:
        self.failed_rows = 0
        self._failure: TripcastError | None = None
        self._lost_patience = False
        self._queue = queue
        self._entry = entry
        self._table = table
        self._job = job
        self._plan = plan
        self._patience_s = patience_s
        self._on_rows = on_rows
        self._loop = asyncio.get_running_loop()
        self._under_way: set[Future[pl.DataFrame]] = set()
        self._finished: SimpleQueue[tuple[Slice, Future[pl.DataFrame]] | None] = SimpleQueue()
        self._room = asyncio.Semaphore(2 + 2 * max(1, len(queue.workers.serving(entry.queue))))

    async def run(self, *, kind: str) -> None:
        """Score all rows and write the output under its unfinished name.

        Raises
        ------
        BrokerUnavailableError, NoWorkerError
            If either was away for longer than ``patience_s``.
        UnknownVersionError
            If the workers no longer hold the version.
        DataError
            If the table cannot be read to its end.
        """
        metadata = {"model_name": self._plan.model, "model_version": self._plan.version}
        feeding = asyncio.create_task(self._feed(), name="feed")
        writing = asyncio.create_task(
            asyncio.to_thread(self._table.write, self._in_order(), self._job.unfinished, kind=kind, metadata=metadata),
            name="write",
        )
        try:
            await asyncio.wait({feeding, writing}, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            feeding.cancel()
            for future in [*self._under_way]:
                future.cancel()
            self._finished.put(None)
            errors = await asyncio.gather(feeding, writing, return_exceptions=True)
        for error in (self._failure, *errors):
            if isinstance(error, Exception):
                raise error

    async def _feed(self) -> None:
        """Read slices and start to predict them, as far as there is room."""
        slices = enumerate(self._table.slices(self._plan.part_rows))
        while True:
            await self._room.acquire()
            numbered = await asyncio.to_thread(next, slices, None)
            if numbered is None:
                break
            number, part = numbered
            future = asyncio.run_coroutine_threadsafe(self._score(number, part), self._loop)
            self._under_way.add(future)
            future.add_done_callback(self._under_way.discard)
            self._finished.put((part, future))
        self._finished.put(None)

    def _in_order(self) -> Iterator[Scored]:
        """Yield each slice with what came out of it; runs in the thread that writes."""
        while (item := self._finished.get()) is not None:
            part, future = item
            scored = future.result()
            self._loop.call_soon_threadsafe(self._room.release)
            yield part, scored

    async def _score(self, number: int, part: Slice) -> pl.DataFrame:
        try:
            return await self._score_or_fail(number, part)
        except TripcastError as error:
            # It reaches the thread that writes, where polars makes something else of it.
            self._failure = self._failure or error
            raise

    async def _score_or_fail(self, number: int, part: Slice) -> pl.DataFrame:
        if self._job.has(number):
            scored = await asyncio.to_thread(self._job.read, number)
        else:
            checked = await asyncio.to_thread(self._table.check, part)
            block = await self._predict(checked)
            scored = await asyncio.to_thread(self._keep, number, checked, block)
        failed = await asyncio.to_thread(scored[self._entry.output].null_count)
        self.failed_rows += failed
        self._on_rows(len(part))
        return scored

    def _keep(self, number: int, checked: CheckedFrame, block: Block | None) -> pl.DataFrame:
        predictions, errors = (block.predictions, block.errors) if block is not None else ([], {})
        scored = score_frame(checked, output=self._entry.output, predictions=predictions, errors=errors)
        self._job.store(number, scored)
        return scored

    async def _predict(self, checked: CheckedFrame) -> Block | None:
        """Predict the good rows; try again while they are refused or not answered, until patience ends."""
        if checked.places is not None and not len(checked.places):
            return None
        give_up = None
        while True:
            await self._wait_for_way()
            try:
                return await self._predict_once(checked)
            except _REFUSED as error:
                give_up = give_up or self._loop.time() + self._patience_s
                if self._lost_patience or self._loop.time() > give_up:
                    raise
                logger.debug("a block is tried again: {}", error)
            await asyncio.sleep(WATCH_INTERVAL_S)

    async def _predict_once(self, checked: CheckedFrame) -> Block:
        prediction = asyncio.ensure_future(
            self._queue.predict_block(
                self._plan.model, self._plan.version, checked.features, request_id=BULK_ID, timeout_s=BLOCK_TIMEOUT_S
            )
        )
        try:
            while not (await asyncio.wait({prediction}, timeout=WATCH_INTERVAL_S))[0]:
                await self._wait_for_way()
            return self._accepted(prediction.result())
        finally:
            prediction.cancel()

    async def _wait_for_way(self) -> None:
        """Return once broker and workers are there.

        Raises
        ------
        BrokerUnavailableError, NoWorkerError
            If they are not for too long.
        """
        give_up = self._loop.time() + self._patience_s
        while (missing := self._queue.missing(self._plan.model)) is not None:
            if self._loop.time() > give_up:
                kind = NoWorkerError if missing in {"worker", "model"} else BrokerUnavailableError
                self._lost_patience = True
                raise kind(f"no {missing} for {self._patience_s:g} s")
            await asyncio.sleep(WATCH_INTERVAL_S)

    def _accepted(self, block: Block) -> Block:
        """Return the block unless its rows failed for a reason that is not theirs."""
        codes = {error.code for error in block.errors.values()}
        if RowErrorCode.UNKNOWN_VERSION in codes:
            raise UnknownVersionError(f"the workers do not hold {self._plan.model} {self._plan.version} any more")
        if RowErrorCode.DEADLINE_PASSED in codes:
            raise LineFullError("a block was not answered in time")
        return block
