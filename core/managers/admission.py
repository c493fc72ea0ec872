"""Admission of single rows of one model to the line of one web process.

The decision itself is in ``core/services/admission.py``; here is what it needs to know: rows ahead, pace,
the loop's lag, what clients were told before. A refusal must cost next to nothing, for in an overload there are
more of them than answers: what holds for a whole round of the event loop is worked out once a round.
"""

import math
import time
from collections.abc import Callable

from loguru import logger

from core.managers.bookings import Bookings
from core.managers.line import Departed
from core.managers.loop_lag import LoopLag
from core.managers.pace_meter import PaceMeter
from core.managers.return_table import ReturnTable
from core.services.admission import LONGEST_RETRY_S, Standing, places_per_s, rows_allowed_ahead
from core.utilities.errors import OverloadError

REPORT_INTERVAL_S = 1.0
PRESSURE_S = 0.02
"""While rows wait for less nobody is refused before his request was read: to look would cost more than it saves."""
EARLY_S = 0.05
"""Clocks tick in steps: a client that comes back so much too early is in time."""


class Admission:
    """Takes rows or refuses them; used on the event loop only.

    Parameters
    ----------
    returns : ReturnTable
        What clients were told, by all web processes of this host.
    clock : callable
        Returns the seconds of the clock that those processes share.
    nobody_works : callable
        Tells whether there is no worker and rows shall wait for one: the pace of those that were there says nothing.
    """

    def __init__(
        self,
        *,
        returns: ReturnTable,
        clock: Callable[[], float] = time.monotonic,
        nobody_works: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ahead = 0
        """Rows that were taken and have no answer yet."""
        self._returns = returns
        self._clock = clock
        self._nobody_works = nobody_works
        self._meter = PaceMeter(clock=clock)
        self._bookings = Bookings()
        self._lag = LoopLag(on_round=self._on_round, clock=clock)
        self._arriving = 0
        self._crowd = math.inf
        """Rows that take ``PRESSURE_S``, at the pace of this round."""
        self._allowed: dict[float, tuple[float, ...]] = {}
        """Rows allowed ahead in this round, by time to the deadline; in the order of the standings."""
        self._places = 1.0
        """That may be promised for one second, at the pace of this round."""
        self._unreported = 0
        self._reported_at = -math.inf

    @property
    def pressed(self) -> bool:
        """Whether there is so much to do that a request may be refused; cheap, for it is asked before each one."""
        return self.ahead + self._arriving > self._crowd

    def refuse_early(self, request_id: str, timeout_s: float) -> int | None:
        """Decide on a request before it is read; one that is not refused will come to ``admit`` in the next round.

        Returns
        -------
        int or None
            After how many seconds the client shall come back, ``None`` if it is not refused.
        """
        self._lag.touch()
        retry_after_s = self._decide(request_id, timeout_s, use=False)
        if retry_after_s is None:
            self._arriving += 1
        return retry_after_s

    def admit(self, request_id: str, timeout_s: float) -> None:
        """Return if a row may be taken.

        Raises
        ------
        OverloadError
            If it would not be answered in time, or others were promised its place.
        """
        self._lag.touch()
        retry_after_s = self._decide(request_id, timeout_s, use=True)
        if retry_after_s is not None:
            raise OverloadError(retry_after_s)

    def enter(self) -> None:
        """Note that a row was taken."""
        self.ahead += 1

    def leave(self) -> None:
        """Note that a row is gone, with or without an answer."""
        self.ahead -= 1

    def note_batch(self, batch: Departed, batch_s: float) -> None:
        """Note that a batch came back, for which the worker took ``batch_s`` seconds."""
        line = batch.line
        self._meter.note_batch(
            len(batch),
            left_at=batch.left_at,
            batch_s=batch_s,
            ahead=self.ahead,
            kept_waiting=line.full and len(line) > 0,
        )

    def report(self, model: str) -> None:
        """Log how many requests were refused since the last report, at most once in ``REPORT_INTERVAL_S``."""
        now = self._clock()
        if self._unreported and now - self._reported_at >= REPORT_INTERVAL_S:
            logger.bind(model=model, rows=self.ahead).warning("{} requests refused: overload", self._unreported)
            self._unreported, self._reported_at = 0, now

    def _on_round(self) -> None:
        self._arriving = 0
        self._allowed.clear()
        pace = self._meter.pace(self._clock())
        self._crowd = PRESSURE_S / pace.row_s if pace.row_s else math.inf
        self._places = places_per_s(pace)

    def _decide(self, request_id: str, timeout_s: float, *, use: bool) -> int | None:
        """Return after how many seconds to come back, ``None`` if admitted; ``use`` up a rank that was needed."""
        ahead = self.ahead + self._arriving
        allowed = self._allowed.get(timeout_s) or self._work_out_allowed(timeout_s)
        if ahead <= allowed[Standing.NEW] or self._nobody_works():
            return None
        now = self._clock()
        standing, due = self._returns.find(request_id, now)
        if standing is not Standing.NEW:
            if now < due - EARLY_S:
                self._unreported += 1
                return math.ceil(due - now)
            if ahead <= allowed[standing]:
                if use:
                    self._returns.use(request_id)
                return None
        return self._refuse(request_id, now)

    def _work_out_allowed(self, timeout_s: float) -> tuple[float, ...]:
        pace, lag_s = self._meter.pace(self._clock()), self._lag.seconds
        allowed = tuple(
            rows_allowed_ahead(pace, lag_s=lag_s, timeout_s=timeout_s, standing=standing) for standing in Standing
        )
        self._allowed[timeout_s] = allowed
        return allowed

    def _refuse(self, request_id: str, now: float) -> int:
        """Tell a client when to come back and write that down."""
        self._unreported += 1
        seconds = self._bookings.book(now, places=self._places)
        if seconds is None:
            self._returns.invite(request_id, Standing.INVITED, now + LONGEST_RETRY_S)
            return LONGEST_RETRY_S
        self._returns.invite(request_id, Standing.BOOKED, now + seconds)
        return seconds
