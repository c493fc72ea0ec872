"""A limit on waiting that a process which stood still does not hold against the one it waits for."""

import asyncio
from types import TracebackType
from typing import Self

LATE_S = 0.1
"""A timer that fires so much later than it should says that this process stood still, or was far too busy to look."""


class PatientTimeout:
    """Like ``asyncio.timeout``, but what came while this process stood still is read before it gives up.

    A process that was suspended, or got no processor, finds the answer and the end of its patience at once, and asyncio lets
    the end win. Here the limit then begins anew, once.

    Parameters
    ----------
    seconds : float
        How long may be waited; afterwards the block raises TimeoutError.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + self._seconds
        self._timer = self._loop.call_at(self._due, self._look)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, traceback)

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._due < LATE_S:
            self._timeout.reschedule(now)
        else:
            self._timeout.reschedule(now + self._seconds)
