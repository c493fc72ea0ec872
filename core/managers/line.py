"""The line: concurrent requests for one model and version coalesce into batches.

A request that finds the line free leaves at once. While as many batches as allowed are under way, rows
gather; when one returns, all that gathered leave together. There is no timer: an idle system adds no
delay, and the batch size follows the load by itself.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.managers.cost_samples import CostSamples
from core.managers.parcel import Lane
from core.schemas.outcome import RowError
from core.schemas.wire import PredictRowsReply, PredictRowsRequest
from core.utilities.errors import TripcastError

MESSAGE_MS = 1.0
"""What a message costs a worker, whatever is in it."""
LIGHT_MS = 2 * MESSAGE_MS
"""Where computing rows takes no more than that, rows of several versions had better share a message."""
COST_MEMORY = 0.9
"""Share that is kept, from one batch to the next, of what tells rows from calls."""
COST_WEIGHT = 0.2
"""Of the newest batch in what a version's batches are taken to cost."""
DEAR_ROWS = 4
"""Rows are dear if those of a batch cost so many times what the message and the call of the model cost."""
QUARANTINE_ROWS = 8
"""Rows of a batch that go to the sandbox together."""


@dataclass(slots=True, kw_only=True)
class RowAnswer:
    """What came back for one row: a prediction or an error, and who gave it."""

    prediction: float | None
    error: RowError | None
    model: str
    version: str
    task_id: str
    queue_ms: float
    features_ms: float
    predict_ms: float


@dataclass(slots=True, eq=False)
class Row:
    """One request in the line.

    ``values`` are the features in the order of the catalog entry, ``expires_at`` the deadline in Unix
    seconds, ``answer`` the future that the request waits for, ``line`` where it stands or stood, ``alarm`` what
    fails it at the deadline, ``routed`` whether its version was chosen for it, ``refusals`` how often a worker did
    not know that version.
    """

    values: tuple[Any, ...]
    request_id: str
    expires_at: float
    answer: asyncio.Future[RowAnswer]
    line: "Line | None" = None
    alarm: asyncio.TimerHandle | None = None
    routed: bool = False
    refusals: int = 0

    def fail(self, error: Exception) -> None:
        """Give this row an error of its own: a shared instance would gather the tracebacks of all its rows."""
        if not self.answer.done():
            self.answer.set_exception(type(error)(*error.args))


@dataclass(slots=True, eq=False)
class Batch:
    """Rows of many callers that travel together, since ``left_at`` by the monotonic clock.

    It is a :class:`core.managers.parcel.Parcel`.
    """

    rows: list[Row]
    line: "Line"
    attempt: int = 0
    task_ids: list[str] = field(default_factory=list)
    in_line: bool = True
    left_at: float = field(default_factory=time.monotonic)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lane(self) -> Lane:
        """Single rows."""
        return "rows"

    @property
    def ids(self) -> list[str]:
        """Return the callers' request ids."""
        return [row.request_id for row in self.rows]

    @property
    def expires_at(self) -> float:
        """The latest deadline, in Unix seconds."""
        return max(row.expires_at for row in self.rows)

    @property
    def wanted(self) -> list[Row]:
        """The rows that somebody still waits for."""
        return [row for row in self.rows if not row.answer.done()]

    def encode(self, features: Sequence[str]) -> dict[str, Any]:
        """Return the request that carries the rows."""
        return PredictRowsRequest(
            model=self.line.model,
            version=self.line.version,
            columns=self._columns(features),
            ids=self.ids,
            deadlines=[row.expires_at for row in self.rows],
            attempt=self.attempt,
        ).encode()

    def _columns(self, features: Sequence[str]) -> dict[str, list[Any]]:
        """Return the rows by column, without those that no row has a value for."""
        columns = {name: [row.values[i] for row in self.rows] for i, name in enumerate(features)}
        empty = [name for name, values in columns.items() if values[0] is None and values.count(None) == len(values)]
        for name in empty:
            del columns[name]
        return columns

    @property
    def parts(self) -> Sequence["Batch"]:
        """Itself: its rows are of one version."""
        return (self,)

    def deliver(self, replies: Sequence[PredictRowsReply], task_id: str) -> None:
        """Answer each row that still waits."""
        [reply] = replies
        self.line.on_reply(self, self.answer(reply, task_id) / 1000)

    def answer(self, reply: PredictRowsReply, task_id: str) -> float:
        """Answer each row that still waits; return what they cost, in milliseconds."""
        outcome = reply.outcome
        cost_ms = outcome.features_ms + outcome.predict_ms
        # What was lost and comes back from elsewhere, or was not computed at all, says nothing of the next batch.
        if self.attempt == 0 and any(prediction is not None for prediction in outcome.predictions):
            self.line.note_cost(len(self), cost_ms)
        for index, (row, prediction) in enumerate(zip(self.rows, outcome.predictions, strict=True)):
            if not row.answer.done():
                row.answer.set_result(
                    RowAnswer(
                        prediction=prediction,
                        error=outcome.errors.get(index),
                        model=reply.model,
                        version=reply.version,
                        task_id=task_id,
                        queue_ms=reply.queue_ms,
                        features_ms=outcome.features_ms,
                        predict_ms=outcome.predict_ms,
                    )
                )
        return cost_ms

    def note_lost(self) -> None:
        """Let the rows of this version travel alone until one of their batches came back."""
        self.line.distrust()

    def fail(self, error: TripcastError) -> None:
        """Fail each row that still waits."""
        for row in self.rows:
            row.fail(error)

    def release(self) -> None:
        """Let those that gathered meanwhile leave."""
        self.line.returned(len(self))

    def pieces(self) -> list["Batch"]:
        """Return the rows that are still wanted, a few in each batch."""
        rows = self.wanted
        return [
            Batch(rows=rows[start : start + QUARANTINE_ROWS], line=self.line, attempt=self.attempt, in_line=False)
            for start in range(0, len(rows), QUARANTINE_ROWS)
        ]


class Departed(Protocol):
    """What left a line as one message, at ``left_at`` by the monotonic clock."""

    @property
    def line(self) -> "Line":
        """The line."""
        ...

    @property
    def left_at(self) -> float:
        """When."""
        ...

    def __len__(self) -> int: ...


class Line:
    """First in, first out; complete when built; used on the event loop only.

    Parameters
    ----------
    model, version : str, str or None
        Who answers the rows of this line.
    send : callable
        Takes a batch away; called from the event loop, must not block.
    max_batch_rows : int
        Rows in one batch at most.
    max_inflight : callable
        Returns how many batches may be under way now.
    on_reply : callable
        Told of each batch that came back, and the seconds that its computation took.
    on_return : callable
        Told that a batch is no longer under way.
    room : callable, optional
        Returns how many rows of this line may leave together now, where others want to travel with them.
    """

    def __init__(
        self,
        model: str,
        version: str | None,
        *,
        send: Callable[[Batch], None],
        max_batch_rows: int,
        max_inflight: Callable[[], int],
        on_reply: Callable[[Departed, float], None] = lambda batch, batch_s: None,
        on_return: Callable[[], None] = lambda: None,
        room: Callable[[], int] | None = None,
    ) -> None:
        self.model = model
        self.version = version
        self.on_reply = on_reply
        self.inflight = 0
        self.rows_under_way = 0
        self._send = send
        self._room = room if room is not None else lambda: max_batch_rows
        self._max_inflight = max_inflight
        self._on_return = on_return
        self._cost_ms: float | None = None
        self._costs = CostSamples()
        self._waiting: OrderedDict[Row, None] = OrderedDict()
        self._departure: asyncio.Handle | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether as many batches as allowed are under way, so that a row must wait."""
        return self.inflight >= self._max_inflight()

    @property
    def light(self) -> bool:
        """Whether its batches are known to cost a worker little."""
        return self._cost_ms is not None and self._cost_ms <= LIGHT_MS

    @property
    def dear(self) -> bool:
        """Whether its rows are known to cost a worker much, more than messages and calls do."""
        call_ms = 1000 * self._costs.call_s
        return 1000 * self._costs.batch_s - call_ms >= DEAR_ROWS * (call_ms + MESSAGE_MS)

    def note_cost(self, rows: int, cost_ms: float) -> None:
        """Take note of what a worker computed for so many rows of this line."""
        self._costs.add(rows, cost_ms / 1000, keep=COST_MEMORY)
        known = cost_ms if self._cost_ms is None else self._cost_ms
        self._cost_ms = known + COST_WEIGHT * (cost_ms - known)

    def distrust(self) -> None:
        """Forget what batches cost: one was lost."""
        self._cost_ms = None
        self._costs = CostSamples()

    def join(self, row: Row) -> None:
        """Let a row wait; it leaves with the next batch that may."""
        row.line = self
        # Where others wait already, none could leave when the last one joined; what lets them leave calls them.
        is_first = not self._waiting
        self._waiting[row] = None
        if is_first:
            self.depart_soon()

    def leave(self, row: Row) -> None:
        """Take a row out, if it has not left yet: its caller is gone or its deadline has passed."""
        self._waiting.pop(row, None)

    def take_routed(self) -> list[Row]:
        """Take out those that wait and did not ask for this version, in their order."""
        rows = [row for row in self._waiting if row.routed]
        for row in rows:
            del self._waiting[row]
        return rows

    def returned(self, rows: int) -> None:
        """Note that a batch of so many rows is no longer under way; those that gathered meanwhile may leave."""
        self.inflight -= 1
        self.rows_under_way -= rows
        self.depart_soon()
        self._on_return()

    def depart(self) -> None:
        """Send what may leave now."""
        self._departure = None
        while self._waiting and self.inflight < self._max_inflight():
            rows = self.take(self._room())
            self.inflight += 1
            self.rows_under_way += len(rows)
            self._send(Batch(rows=rows, line=self))

    def take(self, most: int) -> list[Row]:
        """Take out those that have waited longest, ``most`` of them at most."""
        return [self._waiting.popitem(last=False)[0] for _ in range(min(len(self._waiting), most))]

    def depart_soon(self) -> None:
        """Depart once the loop has handled what is ready: requests that arrived together leave together."""
        if self._departure is None and self._waiting and self.inflight < self._max_inflight():
            self._departure = asyncio.get_running_loop().call_soon(self.depart)
