"""The pace meter: how fast rows are answered, as a few of them experience it.

Twenty times a second one row is followed from its admission to its answer, as a *probe*: it found so many
rows ahead and took so long. What each of those rows cost it is the pace that the next ones are predicted
with. That needs no model of batches, workers or processes: whatever slows rows down, a probe meets it.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from core.services.admission import Pace

PROBE_INTERVAL_S = 0.05
REACTION_S = 0.25
"""A change of pace shows to two thirds after this time."""
MEMORY_S = 5.0
"""A pace is forgotten if no probe that waited confirmed it for so long: the next load may find another system."""
CROWD_ROWS = 64
CROWD_S = 0.05
"""A probe that found such a crowd and waited so long tells of throughput, even if no line was full."""
STALL_S = 0.5
STALL_BATCHES = 3
"""So long without any answer, in seconds and as many times what the batch took, is a stall."""
STALLS = 16
"""Stalls that are remembered; older ones are older than the probes under way."""
FALL = 0.5
"""One probe makes the pace that much faster at most."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A row that is followed: how many it found ahead, whether its line was full, how many answers there were."""

    started: float
    ahead: int
    full: bool
    answered: int


class PaceMeter:
    """Measures the pace of one model in one process.

    Parameters
    ----------
    clock : callable
        Returns seconds that never go backwards.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._answered = 0
        self._last_answer = -math.inf
        self._stalls: deque[tuple[float, float]] = deque(maxlen=STALLS)
        self._clock = clock
        self._pace = Pace()
        self._forget_at = 0.0
        self._last_probe = -math.inf
        self._last_sample = -math.inf

    def pace(self, now: float) -> Pace:
        """Return the pace as far as it is known at ``now``."""
        if now > self._forget_at and self._pace.row_s is not None:
            self._pace = Pace(None, self._pace.batch_s)
        return self._pace

    def start(self, *, ahead: int, full: bool) -> Probe | None:
        """Return a probe for a row that was just taken; ``None`` if the last one is too recent."""
        now = self._clock()
        if not ahead:
            self._last_answer = now  # Nobody waited, so nobody was kept waiting.
        if now - self._last_probe < PROBE_INTERVAL_S:
            return None
        self._last_probe = now
        return Probe(started=now, ahead=ahead, full=full, answered=self._answered)

    def count_rows(self, rows: int, *, batch_s: float) -> None:
        """Count the rows of a batch that came back, whether anybody still waited for them or not.

        A long time without any before it was a stall, unless the batch itself took that long.
        """
        now = self._clock()
        if now - self._last_answer > STALL_S + STALL_BATCHES * max(self._pace.batch_s, batch_s):
            self._stalls.append((self._last_answer, now))
        self._answered += rows
        self._last_answer = now

    def finish(self, probe: Probe, *, batch_s: float | None) -> None:
        """Take note of a probe's end.

        Parameters
        ----------
        probe : Probe
            From ``start``.
        batch_s : float or None
            What its batch took by itself; ``None`` if the deadline came before an answer.
        """
        if batch_s is None and self._answered == probe.answered:
            return
        now = self._clock()
        sojourn_s = now - probe.started - self._stalled_s(since=probe.started)
        weight = 1 - math.exp(-max(PROBE_INTERVAL_S, now - self._last_sample) / REACTION_S)
        self._last_sample = now
        if batch_s is None:
            batch_s = self._pace.batch_s
        else:
            batch_s = batch_s if self._pace.row_s is None else _blend(self._pace.batch_s, batch_s, weight)
        row_s = self._pace.row_s
        if probe.ahead:
            sample = max(0.0, sojourn_s - batch_s) / probe.ahead
            row_s = self._row_s(sample, weight, waited=_has_waited(probe, sojourn_s))
            if _has_waited(probe, sojourn_s):
                self._forget_at = now + max(MEMORY_S, 3 * sojourn_s)
        self._pace = Pace(row_s, batch_s)

    def _stalled_s(self, *, since: float) -> float:
        """Return for how long nothing came back: a worker was lost, say, and its rows went to another.

        That is no pace. The rows behind a stall are answered as fast as ever once it is over.
        """
        return sum(max(0.0, end - max(start, since)) for start, end in self._stalls)

    def _row_s(self, sample: float, weight: float, *, waited: bool) -> float | None:
        """Return the pace after one more sample.

        A row that did not wait was slowed down by no crowd: it shows how fast rows can be answered at the
        least, never how slowly.
        """
        known = self._pace.row_s
        if waited:
            return sample if known is None else max(FALL * known, _blend(known, sample, weight))
        return None if known is None else min(known, max(FALL * known, sample))


def _has_waited(probe: Probe, sojourn_s: float) -> bool:
    return probe.full or (probe.ahead >= CROWD_ROWS and sojourn_s >= CROWD_S)


def _blend(old: float, new: float, weight: float) -> float:
    return old + weight * (new - old)
