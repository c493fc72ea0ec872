"""The watchdog: ends a worker process whose model never returns, or whose hub no longer turns.

It is Python's ``faulthandler``: a C thread that needs neither the GIL nor the hub, so that it works when
both are stuck. A petting thread re-arms it four times a second; the process ends with the stacks of all
threads on stderr, and its supervisor starts a new one.
"""

import faulthandler
import threading
import time
from collections.abc import Callable

PET_INTERVAL_S = 0.25
SHORTEST_S = 0.05


class Watchdog:
    """Watches one process.

    Parameters
    ----------
    limit_s : float
        Seconds that one computation, or a standstill of the process, may take.
    busy_since : callable
        Returns when the running computation began (``time.monotonic()``), ``None`` if none runs.
    """

    def __init__(self, limit_s: float, *, busy_since: Callable[[], float | None]) -> None:
        self._limit_s = limit_s
        self._busy_since = busy_since
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._pet_until_stopped, name="watchdog", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def _pet_until_stopped(self) -> None:
        while not self._stopped.is_set():
            faulthandler.dump_traceback_later(self._time_left_s(), exit=True)
            self._stopped.wait(PET_INTERVAL_S)

    def _time_left_s(self) -> float:
        since = self._busy_since()
        if since is None:
            return self._limit_s
        return max(SHORTEST_S, self._limit_s - (time.monotonic() - since))
