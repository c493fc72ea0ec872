"""The loop's lag: how long the event loop takes for one round, which is how long what comes in waits unseen."""

import asyncio
import time
from collections.abc import Callable


class LoopLag:
    """Measures rounds of the event loop while somebody asks for it.

    Parameters
    ----------
    on_round : callable
        Called at the start of each round that is measured and of the next one: after a ``touch``, before any
        task that was created since.
    clock : callable
        Returns seconds.
    """

    def __init__(self, *, on_round: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = 0.0
        """What a round took lately: the mean of the last one and the value before."""
        self._on_round = on_round
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._measuring = False
        self._started = 0.0

    def touch(self) -> None:
        """Measure the next round. Costs nothing if that is under way."""
        if not self._measuring:
            self._measuring = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._on_round()
        self._started = self._clock()
        self._loop.call_soon(self._end)

    def _end(self) -> None:
        self._on_round()
        self._measuring = False
        self.seconds = (self.seconds + self._clock() - self._started) / 2
