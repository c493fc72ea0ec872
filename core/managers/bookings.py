"""The bookings: for each moment of the next seconds, how many refused clients were told to come back then.

A client that is told to come back after so many whole seconds comes back in the same part of a second in which
it was refused. Requests that were refused together would so come back together. They are therefore counted
by tenths of a second too, and those of a full tenth are sent to the same tenth of a later second.
"""

from core.services.admission import LONGEST_RETRY_S

TENTHS = 10
_SECONDS = 2 * LONGEST_RETRY_S


class Bookings:
    """Spreads refused clients over the seconds to come, so many a second as can be served."""

    def __init__(self) -> None:
        self._seconds = _Counts(_SECONDS)
        self._tenths = _Counts(_SECONDS * TENTHS)
        self._next = [0] * TENTHS
        """For each tenth of a second, the earliest second in which it may have a place left."""

    def book(self, now: float, *, places: float) -> int | None:
        """Book the earliest second in which there is a place.

        Parameters
        ----------
        now : float
            Seconds of the monotonic clock.
        places : float
            How many may be booked for one second.

        Returns
        -------
        int or None
            In how many seconds it is, 1 to ``LONGEST_RETRY_S``; ``None`` if all those are full.
        """
        this, part = divmod(int(now * TENTHS), TENTHS)
        last = this + LONGEST_RETRY_S
        second = max(self._next[part], this + 1)
        while second <= last and not self._has_place(second, part, places):
            second += 1
        self._next[part] = second
        if second > last:
            return None
        self._seconds.add(second)
        self._tenths.add(second * TENTHS + part)
        return second - this

    def _has_place(self, second: int, part: int, places: float) -> bool:
        tenth = second * TENTHS + part
        return self._seconds.count(second) < places and self._tenths.count(tenth) < max(1.0, places / TENTHS)


class _Counts:
    """Counts by number of a period; only the latest periods are remembered, in a ring."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._counts = [0] * length
        self._periods = [-1] * length

    def count(self, period: int) -> int:
        index = period % self._length
        return self._counts[index] if self._periods[index] == period else 0

    def add(self, period: int) -> None:
        index = period % self._length
        if self._periods[index] != period:
            self._periods[index], self._counts[index] = period, 0
        self._counts[index] += 1
