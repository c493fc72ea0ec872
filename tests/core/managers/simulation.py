"""A line and one worker in simulated time, with admission before them.

The worker takes ``call_s + row_s * rows`` for a batch. Rows come at random at a rate, whatever becomes of them.
"""

import heapq
import random
from collections import deque
from dataclasses import dataclass, field

from core.managers.pace_meter import PaceMeter
from core.services.admission import Standing, rows_allowed_ahead

MAX_INFLIGHT = 2
MAX_BATCH_ROWS = 512


@dataclass
class Outcome:
    """What became of the rows that came: seconds to their answers by the time they came, and how many were refused."""

    answered: list[tuple[float, float]] = field(default_factory=list)
    refused: int = 0

    def since(self, start: float) -> list[float]:
        """Return the seconds to the answers of rows that came after ``start``."""
        return [seconds for came_at, seconds in self.answered if came_at >= start]


@dataclass
class _Batch:
    came_at: list[float]
    left_at: float


class Simulation:
    """First in, first out.

    Parameters
    ----------
    call_s, row_s : float
        What a batch takes, and each of its rows.
    timeout_s : float
        Deadline of every row.
    """

    def __init__(self, *, call_s: float, row_s: float, timeout_s: float) -> None:
        self.call_s = call_s
        self.row_s = row_s
        self.now = 0.0
        self.meter = PaceMeter(clock=lambda: self.now)
        self.outcome = Outcome()
        self._timeout_s = timeout_s
        self._waiting: deque[float] = deque()
        self._under_way: deque[_Batch] = deque()
        self._ahead = 0
        self._random = random.Random(7)  # noqa: S311 (arrivals, no secret)

    def run(self, rate: float, seconds: float) -> None:
        """Let rows come at a rate for so long, beside what is under way."""
        end = self.now + seconds
        comings = [self.now + self._random.expovariate(rate)]
        free_at = self._done_at() if self._under_way else None
        while comings[0] < end:
            if free_at is not None and free_at <= comings[0]:
                self.now = free_at
                self._return()
            else:
                self.now = heapq.heappop(comings)
                heapq.heappush(comings, self.now + self._random.expovariate(rate))
                self._come()
            free_at = self._done_at() if self._under_way else None

    def _done_at(self) -> float:
        first = self._under_way[0]
        self._started_at = max(self._started_at, first.left_at)
        return self._started_at + self.call_s + self.row_s * len(first.came_at)

    _started_at = 0.0

    def _come(self) -> None:
        allowed = rows_allowed_ahead(
            self.meter.pace(self.now), lag_s=0.0, timeout_s=self._timeout_s, standing=Standing.NEW
        )
        if self._ahead > allowed:
            self.outcome.refused += 1
            return
        self._ahead += 1
        self._waiting.append(self.now)
        self._depart()

    def _return(self) -> None:
        batch = self._under_way[0]
        self.meter.note_batch(
            len(batch.came_at),
            left_at=batch.left_at,
            batch_s=self.now - self._started_at,
            ahead=self._ahead,
            kept_waiting=len(self._under_way) >= MAX_INFLIGHT and len(self._waiting) > 0,
        )
        self._under_way.popleft()
        self._started_at = self.now
        self._ahead -= len(batch.came_at)
        self.outcome.answered += [(came_at, self.now - came_at) for came_at in batch.came_at]
        self._depart()

    def _depart(self) -> None:
        while self._waiting and len(self._under_way) < MAX_INFLIGHT:
            size = min(MAX_BATCH_ROWS, len(self._waiting))
            self._under_way.append(_Batch([self._waiting.popleft() for _ in range(size)], self.now))
