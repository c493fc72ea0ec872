"""A block: many rows of one caller, which travel in chunks and are answered as a whole.

One future a block, none a row: what a row costs here is its place in a few lists.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from core.managers.parcel import Lane
from core.schemas.outcome import RowError, RowErrorCode
from core.schemas.wire import Columns, PredictRowsReply, encode_rows_of_one
from core.utilities.errors import DeadlinePassedError, PredictionError, TripcastError

QUARANTINE_ROWS = 1000
"""Rows of a chunk that go to the sandbox together: it starts anew for each piece and behind each poisonous row."""


@dataclass(slots=True, eq=False)
class Block:
    """Rows of one caller, and what came back for them so far.

    Parameters
    ----------
    model, version : str, str or None
        Who shall answer all of them.
    features : Columns
        The features by name, lists or NumPy arrays, (n_rows,) each.
    request_id : str
        The caller's id.
    expires_at : float
        The deadline in Unix seconds.
    done : asyncio.Future
        Done once every row has a prediction or an error, or with what failed the block as a whole.
    """

    model: str
    version: str | None
    features: Columns
    request_id: str
    expires_at: float
    done: asyncio.Future[None]
    rows: int = field(init=False)
    departed: int = 0
    """Rows that have left, always the first ones."""
    answered: int = 0
    predictions: list[float | None] = field(init=False)
    errors: dict[int, RowError] = field(default_factory=dict)
    chunks: int = 0
    """How many came back."""
    queue_ms: float = 0.0
    """The longest of its chunks."""
    features_ms: float = 0.0
    predict_ms: float = 0.0
    """The sum over its chunks."""

    def __post_init__(self) -> None:
        self.rows = len(next(iter(self.features.values())))
        self.predictions = [None] * self.rows

    @property
    def waiting(self) -> int:
        """How many rows have not left yet."""
        return 0 if self.done.done() else self.rows - self.departed

    def expire(self) -> None:
        """Let the deadline pass: rows without an answer get that error, and the block is done."""
        missing = RowError(RowErrorCode.DEADLINE_PASSED, "no answer before the deadline")
        for index, prediction in enumerate(self.predictions):
            if prediction is None:
                self.errors.setdefault(index, missing)
        self._finish()

    def forget(self) -> None:
        """Take back all answers, as they come from a version that is off the route, when no time is left for others."""
        self.predictions = [None] * self.rows
        self.errors.clear()
        self.expire()

    def fail(self, error: TripcastError) -> None:
        """End the block as a whole."""
        if not self.done.done():
            self.done.set_exception(error)

    def deliver(self, start: int, reply: PredictRowsReply) -> None:
        """Take the answers to a chunk that starts at row ``start``."""
        outcome = reply.outcome
        rows = len(outcome.predictions)
        self.predictions[start : start + rows] = outcome.predictions
        self.errors.update((start + index, error) for index, error in outcome.errors.items())
        self.chunks += 1
        self.queue_ms = max(self.queue_ms, reply.queue_ms)
        self.features_ms += outcome.features_ms
        self.predict_ms += outcome.predict_ms
        self._count(rows)

    def refuse(self, start: int, stop: int, error: RowError) -> None:
        """Give the rows of a chunk that has failed their error."""
        self.errors.update(dict.fromkeys(range(start, stop), error))
        self._count(stop - start)

    def _count(self, rows: int) -> None:
        self.answered += rows
        if self.answered >= self.rows:
            self._finish()

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class Chunk:
    """Rows ``start..stop`` of a block on their way; a :class:`core.managers.parcel.Parcel`.

    ``on_return`` is told that the chunk is no longer under way, ``on_reply`` what it cost.
    """

    block: Block
    start: int
    stop: int
    on_return: Callable[[], None]
    on_reply: Callable[[int, float], None]
    attempt: int = 0
    task_ids: list[str] = field(default_factory=list)
    in_line: bool = True

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def lane(self) -> Lane:
        """Behind single rows."""
        return "chunks"

    @property
    def ids(self) -> list[str]:
        """Return the caller's request id, once a row."""
        return [self.block.request_id] * len(self)

    @property
    def expires_at(self) -> float:
        """The block's deadline in whole seconds, because the worker reads it once a row.

        So a worker may compute a chunk that nobody waits for any more, but only one that was under way by then.
        """
        return ceil(self.block.expires_at)

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for the block."""
        return not self.block.done.done()

    def encode(self, features: Sequence[str]) -> dict[str, Any]:
        """Return the request that carries the rows."""
        return encode_rows_of_one(
            model=self.block.model,
            version=self.block.version,
            columns={
                name: self.block.features[name][self.start : self.stop]
                for name in features
                if name in self.block.features
            },
            rows=len(self),
            request_id=self.block.request_id,
            deadline=ceil(self.block.expires_at),
            attempt=self.attempt,
        )

    @property
    def parts(self) -> Sequence["Chunk"]:
        """Itself: a block is of one version."""
        return (self,)

    def deliver(self, replies: Sequence[PredictRowsReply], task_id: str) -> None:
        """Give the answers to the block."""
        [reply] = replies
        outcome = reply.outcome
        self.on_reply(len(self), outcome.features_ms + outcome.predict_ms)
        self.block.deliver(self.start, reply)

    def fail(self, error: TripcastError) -> None:
        """Fail these rows, or the whole block where the cause is not in the rows."""
        match error:
            case DeadlinePassedError():
                self.block.refuse(self.start, self.stop, RowError(RowErrorCode.DEADLINE_PASSED, str(error)))
            case PredictionError():
                self.block.refuse(self.start, self.stop, RowError(RowErrorCode.MODEL_ERROR, str(error)))
            case _:
                self.block.fail(error)

    def note_lost(self) -> None:
        """A chunk travels alone in any case."""

    def release(self) -> None:
        """Let the next chunk leave."""
        self.on_return()

    def pieces(self) -> list["Chunk"]:
        """Return the rows in pieces for the sandbox, none if nobody waits for them."""
        return [
            Chunk(
                block=self.block,
                start=start,
                stop=min(start + QUARANTINE_ROWS, self.stop),
                on_return=self.on_return,
                on_reply=_ignore,
                attempt=self.attempt,
                in_line=False,
            )
            for start in range(self.start, self.stop, QUARANTINE_ROWS)
            if self.wanted
        ]


def _ignore(_rows: int, _took_ms: float) -> None:
    """The sandbox's speed says nothing about the next chunk."""
