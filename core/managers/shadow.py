"""The shadow: a version that predicts the same rows again, after their callers were answered.

Rows gather and leave as blocks on the lane behind single rows, one block at a time, so a shadow takes what the
workers have left. What it cannot keep up with is dropped, counted, and told in the log; nobody waits for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from loguru import logger

from core.managers.block import Block
from core.schemas.outcome import RowErrorCode
from core.schemas.record import Record, RecordEntry, Role
from core.utilities.background import stop_tasks
from core.utilities.errors import TripcastError

GATHER_S = 0.2
BLOCK_ROWS = 2000
"""Rows that leave together: a block is cut into chunks in any case."""
MAX_WAITING_ROWS = 50_000
SHADOW_TIMEOUT_S = 60.0
PAUSE_S = 0.5
"""After a block that could not be predicted."""
REPORT_S = 5.0
SHADOW_ID = "shadow"
"""Request id of the blocks: the lane gives each caller a turn, and the shadow is one."""
_NO_ANSWER = {RowErrorCode.DEADLINE_PASSED, RowErrorCode.UNKNOWN_VERSION}
"""What says nothing about the version."""

PredictBlock = Callable[[str, str, Mapping[str, Sequence[Any]]], Awaitable[Block]]
"""Takes model, version and features; raises TripcastError."""


class ShadowRow(NamedTuple):
    """A row that was answered: its ids, its place in its request, its features in the model's order."""

    request_id: str
    transaction_id: str
    row: int
    values: Sequence[Any]


class ShadowLane:
    """Predicts rows once more by the shadow version; used on the event loop only.

    Parameters
    ----------
    predict : callable
        Predicts a block.
    record : callable
        Takes the answers.
    features : mapping of str to sequence of str
        The feature names of each model, in the order in which rows give them.
    """

    def __init__(
        self,
        *,
        predict: PredictBlock,
        record: Callable[[RecordEntry], None],
        features: Mapping[str, Sequence[str]],
    ) -> None:
        self.dropped_rows = 0
        self._predict = predict
        self._record = record
        self._features = features
        self._waiting: dict[tuple[str, str], list[ShadowRow]] = {}
        self._rows = 0
        self._some, self._full = asyncio.Event(), asyncio.Event()
        self._told_rows = 0
        self._tasks: list[asyncio.Task[None]] = []

    def __len__(self) -> int:
        """Return how many rows wait."""
        return self._rows

    def start(self) -> None:
        """Predict from now on."""
        self._tasks = [
            asyncio.create_task(self._predict_for_ever(), name="shadow"),
            asyncio.create_task(self._report_for_ever(), name="shadow-report"),
        ]

    async def stop(self) -> None:
        """Stop; what waits is dropped."""
        await stop_tasks(self._tasks)
        self.dropped_rows += self._rows
        self._report()

    def add(self, model: str, version: str, rows: Sequence[ShadowRow]) -> bool:
        """Take rows that were answered, all or none; tell whether they were taken."""
        if self._rows + len(rows) > MAX_WAITING_ROWS:
            self.dropped_rows += len(rows)
            return False
        self._waiting.setdefault((model, version), []).extend(rows)
        self._rows += len(rows)
        self._some.set()
        if self._rows >= BLOCK_ROWS:
            self._full.set()
        return True

    async def _predict_for_ever(self) -> None:
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), GATHER_S)
            (model, version), rows = self._take()
            try:
                await self._answer(model, version, rows)
            except TripcastError as error:
                self.dropped_rows += len(rows)
                logger.debug("a shadow's block failed: {}", error)
                await asyncio.sleep(PAUSE_S)

    def _take(self) -> tuple[tuple[str, str], list[ShadowRow]]:
        """Take a block of the version that has waited longest; it goes to the end if more of it waits."""
        key, waiting = next(iter(self._waiting.items()))
        del self._waiting[key]
        rows, rest = waiting[:BLOCK_ROWS], waiting[BLOCK_ROWS:]
        if rest:
            self._waiting[key] = rest
        self._rows -= len(rows)
        if self._rows < BLOCK_ROWS:
            self._full.clear()
        if not self._rows:
            self._some.clear()
        return key, rows

    async def _answer(self, model: str, version: str, rows: Sequence[ShadowRow]) -> None:
        columns = zip(self._features[model], zip(*(row.values for row in rows), strict=True), strict=True)
        known = {name: column for name, column in columns if column.count(None) < len(column)}
        block = await self._predict(model, version, known)
        lost = {index for index, error in block.errors.items() if error.code in _NO_ANSWER}
        self.dropped_rows += len(lost)
        answered = [index for index in range(len(rows)) if index not in lost] if lost else range(len(rows))
        if answered:
            records = [self._record_of(block, version, rows[index], index) for index in answered]
            values = [rows[index].values for index in answered]
            self._record(RecordEntry.of_rows(model, records, values, features=self._features[model]))

    @staticmethod
    def _record_of(block: Block, version: str, row: ShadowRow, index: int) -> Record:
        error = block.errors.get(index)
        return Record(
            row.request_id,
            row.transaction_id,
            row.row,
            time=time.time(),
            version=version,
            role=Role.SHADOW,
            prediction=block.predictions[index],
            error=error.code.value if error else None,
            queue_ms=block.queue_ms,
            features_ms=block.features_ms,
            predict_ms=block.predict_ms,
            total_ms=None,
            kept=True,
        )

    async def _report_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self._report()

    def _report(self) -> None:
        new, self._told_rows = self.dropped_rows - self._told_rows, self.dropped_rows
        if new:
            logger.warning("{} rows were not predicted by their shadow", new)
