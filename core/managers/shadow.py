"""The shadow: a version that predicts the same rows again, after their callers were answered.

Rows gather and leave as blocks on the lane behind single rows, one block at a time, so a shadow takes what the
workers have left; one whose single rows take long rests between them. What it cannot keep up with is dropped, counted,
and told in the log; nobody waits for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from loguru import logger

from core.managers.block import Block
from core.schemas.outcome import RowErrorCode
from core.schemas.record import RecordEntry, Role
from core.services.shadow_pace import ShadowPace, next_pace
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


ShadowRow = tuple[str, str, int, Sequence[Any]]
"""A row that was answered: request id, transaction id, its place in its request, its features in the model's order.
A plain tuple: one is made for each answer."""


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
        self._paces: dict[tuple[str, str], ShadowPace] = {}
        self._rests_until: dict[tuple[str, str], float] = {}
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
        rests = self._rests_until.get((model, version), 0.0) > time.monotonic()
        if rests or self._rows + len(rows) > MAX_WAITING_ROWS:
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
        size = self._size(key)
        rows, rest = waiting[:size], waiting[size:]
        if rest:
            self._waiting[key] = rest
        self._forget(len(rows))
        return key, rows

    def _forget(self, rows: int) -> None:
        """Count rows that wait no more."""
        self._rows -= rows
        if self._rows < BLOCK_ROWS:
            self._full.clear()
        if not self._rows:
            self._some.clear()

    def _size(self, key: tuple[str, str]) -> int:
        return min(self._paces.get(key, ShadowPace()).rows, BLOCK_ROWS)

    def _measure(self, key: tuple[str, str], block: Block) -> None:
        """Let a shadow rest that keeps workers busy for long at a time; what waits for it would wait for too long."""
        took_ms = block.features_ms + block.predict_ms
        pace = next_pace(self._size(key), chunks=block.chunks, took_ms=took_ms, max_rows=BLOCK_ROWS)
        if pace.rest_s:
            dropped = len(self._waiting.pop(key, ()))
            self.dropped_rows += dropped
            self._forget(dropped)
            self._rests_until[key] = time.monotonic() + pace.rest_s
            if not self._paces.get(key, ShadowPace()).rest_s:
                logger.warning(
                    "callers wait behind shadow {} of {}, {:.0f} ms for {} rows in {} chunks: it rests between them",
                    key[1],
                    key[0],
                    took_ms,
                    block.rows,
                    block.chunks,
                )
        self._paces[key] = pace

    async def _answer(self, model: str, version: str, rows: Sequence[ShadowRow]) -> None:
        block = await self._predict(model, version, self._columns_of(model, rows))
        self._measure((model, version), block)
        lost = {index for index, error in block.errors.items() if error.code in _NO_ANSWER}
        self.dropped_rows += len(lost)
        answered = [index for index in range(len(rows)) if index not in lost]
        if answered:
            self._record(self._entry_of(model, version, block, rows, answered))

    def _columns_of(self, model: str, rows: Sequence[ShadowRow]) -> dict[str, Sequence[Any]]:
        """Return the features by name, without those that no row has a value for."""
        columns = zip(self._features[model], zip(*[row[3] for row in rows], strict=True), strict=True)
        return {name: column for name, column in columns if column.count(None) < len(column)}

    def _entry_of(
        self, model: str, version: str, block: Block, rows: Sequence[ShadowRow], answered: Sequence[int]
    ) -> RecordEntry:
        """Return the records of the rows that were answered; what they share is written once."""
        chosen = [rows[index] for index in answered]
        request_ids, transaction_ids, places, _ = zip(*chosen, strict=True)
        errors = [block.errors[index].code.value if index in block.errors else None for index in answered]
        return RecordEntry(
            model=model,
            rows=len(chosen),
            columns={
                "request_id": request_ids,
                "transaction_id": transaction_ids,
                "row": places,
                "time": time.time(),
                "version": version,
                "role": Role.SHADOW,
                "prediction": [block.predictions[index] for index in answered],
                "error": errors if block.errors else None,
                "queue_ms": block.queue_ms,
                "features_ms": block.features_ms,
                "predict_ms": block.predict_ms,
                "total_ms": None,
                "kept": True,
            },
            features=self._columns_of(model, chosen),
        )

    async def _report_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self._report()

    def _report(self) -> None:
        new, self._told_rows = self.dropped_rows - self._told_rows, self.dropped_rows
        if new:
            logger.warning("{} rows were not predicted by their shadow", new)
