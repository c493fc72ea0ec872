"""Retirement: a worker that has done enough, or grown too large, makes room for a fresh one without a gap."""

import os
import signal
import threading
from collections.abc import Callable

import psutil
from loguru import logger

RETIRING = "this worker retires"
"""Said once, in a log line; the launcher starts a successor when it reads it."""
CHECK_INTERVAL_S = 1.0
SUCCESSOR_S = 10.0
"""How long a retiring worker still works: a successor needs about three seconds to start."""
MEBIBYTE = 1024 * 1024


class Retirement:
    """Watches what one worker has done and how large it is.

    Parameters
    ----------
    max_rows : int
        Rows after which it retires; 0: never.
    max_mib : int
        Resident memory in MiB above which it retires; 0: never.
    rows_done : callable
        Returns the rows predicted so far.
    """

    def __init__(self, *, max_rows: int, max_mib: int, rows_done: Callable[[], int]) -> None:
        self._max_rows = max_rows
        self._max_mib = max_mib
        self._rows_done = rows_done
        self._process = psutil.Process()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="retirement", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()

    def reason(self) -> str | None:
        """Return why it is time to retire, ``None`` while it is not."""
        if self._max_rows and self._rows_done() >= self._max_rows:
            return f"{self._rows_done()} rows done"
        resident_mib = self._process.memory_info().rss // MEBIBYTE
        if self._max_mib and resident_mib > self._max_mib:
            return f"{resident_mib} MiB large"
        return None

    def _watch(self) -> None:
        while not self._stopped.wait(CHECK_INTERVAL_S):
            reason = self.reason()
            if reason is not None:
                logger.info("{}: {}", RETIRING, reason)
                self._stopped.wait(SUCCESSOR_S)
                os.kill(os.getpid(), signal.SIGTERM)
                return
