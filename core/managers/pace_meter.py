"""The pace meter: how fast rows are answered while there is always something to do.

Every batch that comes back is a sample: its rows took the time since the batch before it came back, or since it
left, whichever was later. That needs no model of workers or of other web processes: whatever slows rows down makes
these times longer, and it shows as soon as one batch met it. A sample of a batch that kept others waiting tells
how fast the system can be; any other one only that it can be at least so fast.
"""

import math
import time
from collections.abc import Callable

from core.managers.cost_samples import CostSamples
from core.services.admission import Pace

REACTION_S = 0.5
"""A change of pace shows to two thirds after this time."""
WARM_UP_S = 0.25
"""So much work must have been seen before a pace is known: the first batches are small and their callers impatient."""
MEMORY_S = 5.0
"""A pace that nothing confirms is forgotten after so long: the next load may find another system."""
CROWD_ROWS = 64
CROWD_S = 0.05
"""So many rows that take so long wait, if not for a batch that may leave then for the web process itself."""
STALL_S = 0.5
STALL_BATCHES = 3
"""So long without any answer, in seconds and in usual intervals or the batch's own time, is a stall and no pace."""

SURPRISE = 3
"""A batch that took so many times as long as its rows usually take counts together with the next one: after a
short stall a small batch comes back late, and right behind it a large one with all that gathered meanwhile. The
very first one is always a surprise, and counts only if the next is no faster: it is small, and may have met a worker
that had to warm up, a stall, or one dear row, of which nothing follows for the rows that wait."""


class PaceMeter:
    """Measures the pace of one model in one process.

    Parameters
    ----------
    clock : callable
        Returns seconds that never go backwards.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last_answer = -math.inf
        self._usual_s = 0.0
        self._held_rows = 0
        self._held_s = 0.0
        self._samples = CostSamples()
        self._confirmed_at = -math.inf

    def pace(self, now: float) -> Pace:
        """Return the pace as far as it is known at ``now``."""
        if self._is_forgotten(now) or self._samples.seconds < WARM_UP_S:
            return Pace()
        return Pace(row_s=self._samples.row_s, call_s=self._samples.call_s)

    def note_batch(self, rows: int, *, left_at: float, batch_s: float, ahead: int, kept_waiting: bool) -> None:
        """Take note of a batch that came back.

        Parameters
        ----------
        rows : int
            How many it had.
        left_at : float
            When it left, by the meter's clock.
        batch_s : float
            What the worker took for it.
        ahead : int
            Rows that were taken and had no answer before it came.
        kept_waiting : bool
            Whether rows waited because no other batch might leave.
        """
        now = self._clock()
        interval_s = now - max(self._last_answer, left_at)
        self._last_answer = now
        longest_s = STALL_S + STALL_BATCHES * max(self._usual_s, batch_s)
        # One stall follows another while workers die: the usual interval grows by a factor, not to theirs.
        self._usual_s = (self._usual_s + min(interval_s, longest_s)) / 2
        if interval_s > longest_s:
            return
        if self._samples.rows and self._is_forgotten(now):
            self._samples = CostSamples()
            self._held_rows, self._held_s = 0, 0.0
        if not self._held_rows and interval_s > SURPRISE * self._expected_s(rows):
            self._held_rows, self._held_s = rows, interval_s
            return
        first_was_slower = not self._samples.rows and self._held_s * rows > interval_s * self._held_rows
        if not first_was_slower:
            rows, interval_s = rows + self._held_rows, interval_s + self._held_s
        self._held_rows, self._held_s = 0, 0.0
        confirms = kept_waiting or (ahead >= CROWD_ROWS and ahead * interval_s >= CROWD_S * rows)
        if confirms:
            self._confirmed_at = now
        if confirms or self._samples.seconds * rows > interval_s * self._samples.rows:
            self._samples.add(rows, interval_s, keep=math.exp(-interval_s / REACTION_S))

    def _expected_s(self, rows: int) -> float:
        """Return what a batch of so many rows usually takes at most; while nothing is known any takes more."""
        return self._samples.call_s + self._samples.row_s * rows if self._samples.rows else -math.inf

    def _is_forgotten(self, now: float) -> bool:
        return now > self._confirmed_at + MEMORY_S + STALL_BATCHES * self._usual_s
