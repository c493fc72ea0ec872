"""The return table: which refused clients were told to come back, and when.

A table of a fixed size in memory that all web processes of a host share, for a client may come back to
another one. Each entry is one 64-bit word, written at once, so that no lock is needed; a word that another
one replaces costs its client the rank, nothing else.
"""

import mmap

from core.services.admission import Standing

ENTRIES = 1 << 20
"""8 MiB, of which only what is used takes memory: half a minute of 15,000 refusals a second."""
LATE_S = 10.0
"""A client that comes back later than this after it was due is like a new one."""

_TAG_BITS, _DUE_BITS, _STANDING_BITS = 22, 40, 2
_TAG_MASK, _DUE_MASK, _STANDING_MASK = (1 << _TAG_BITS) - 1, (1 << _DUE_BITS) - 1, (1 << _STANDING_BITS) - 1
_TAG_SHIFT = _DUE_BITS + _STANDING_BITS
_HASH_TAG_SHIFT = 64 - _TAG_BITS
_TICKS_PER_S = 1000
_STANDINGS = tuple(Standing)


def create_shared_memory(entries: int = ENTRIES) -> mmap.mmap:
    """Return zeroed memory for a table; processes that are forked from here on share it."""
    return mmap.mmap(-1, 8 * entries)


class ReturnTable:
    """Remembers by request id what clients were told: their standing from then on, and when they are due.

    The processes that share it must hash strings alike, as processes forked from one do. The hash is keyed
    with a secret of theirs, so nobody can choose ids that crowd one place.

    Parameters
    ----------
    memory : mmap
        From ``create_shared_memory``; a power of two of entries.
    """

    def __init__(self, memory: mmap.mmap) -> None:
        self._words = memoryview(memory).cast("Q")
        self._mask = len(self._words) - 1
        if len(self._words) & self._mask or not self._mask:
            raise ValueError("the number of entries must be a power of two")

    def find(self, request_id: str, now: float) -> tuple[Standing, float]:
        """Return a client's standing and when it is due by the monotonic clock.

        ``Standing.NEW`` if nothing is known or its time has passed.
        """
        key, words = hash(request_id), self._words
        place, tag = key & self._mask, key >> _HASH_TAG_SHIFT & _TAG_MASK
        # An entry is in one of two places, so that two clients of one place do not replace each other.
        word = words[place]
        if word >> _TAG_SHIFT != tag:
            word = words[place ^ 1]
            if word >> _TAG_SHIFT != tag:
                return Standing.NEW, 0.0
        due = (word >> _STANDING_BITS & _DUE_MASK) / _TICKS_PER_S
        return (_STANDINGS[word & _STANDING_MASK], due) if now <= due + LATE_S else (Standing.NEW, 0.0)

    def invite(self, request_id: str, standing: Standing, due: float) -> None:
        """Write down what a client was told.

        It takes the place of what the client was told before, or else of the one of two others that is due sooner.
        """
        key, words = hash(request_id), self._words
        place, tag = key & self._mask, key >> _HASH_TAG_SHIFT & _TAG_MASK
        other = place ^ 1
        there, here = words[other], words[place]
        if there >> _TAG_SHIFT == tag or (
            here >> _TAG_SHIFT != tag and there >> _STANDING_BITS & _DUE_MASK < here >> _STANDING_BITS & _DUE_MASK
        ):
            place = other
        words[place] = tag << _TAG_SHIFT | (int(due * _TICKS_PER_S) & _DUE_MASK) << _STANDING_BITS | standing

    def use(self, request_id: str) -> None:
        """Forget a client: what it was told counts once."""
        key, words = hash(request_id), self._words
        place, tag = key & self._mask, key >> _HASH_TAG_SHIFT & _TAG_MASK
        for index in (place, place ^ 1):
            if words[index] >> _TAG_SHIFT == tag:
                words[index] = 0
