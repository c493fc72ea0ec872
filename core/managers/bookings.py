"""The bookings: for each of the next seconds, how many refused clients were told to come back in it."""

from core.services.admission import LONGEST_RETRY_S

_SECONDS = 2 * LONGEST_RETRY_S
"""A ring: the entry of a second is used again once the second is over."""


class Bookings:
    """Spreads refused clients over the seconds to come, so many a second as can be served."""

    def __init__(self) -> None:
        self._counts = [0] * _SECONDS
        self._seconds = [-1] * _SECONDS
        self._next = 0
        """The earliest second that may have a place left; those before it were full when they were last seen."""

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
        this = int(now)
        last = this + LONGEST_RETRY_S
        second = max(self._next, this + 1)
        while second <= last and self._booked(second) >= places:
            second += 1
        self._next = second
        if second > last:
            return None
        self._counts[second % _SECONDS] += 1
        return second - this

    def _booked(self, second: int) -> int:
        index = second % _SECONDS
        if self._seconds[index] != second:
            self._seconds[index], self._counts[index] = second, 0
        return self._counts[index]
