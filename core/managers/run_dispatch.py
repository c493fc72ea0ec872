"""Hand runs to workers: the database says which ones wait, the queue carries them.

No message is needed to create a run, and none that is lost loses one: every worker of the pipeline looks for runs that
nobody executes and sends each as a task. A task names the attempts that the run has had, so of several
messages for the same run the first one starts it and the others are dropped.
"""

import threading
import time
from collections.abc import Callable

from loguru import logger
from sqlalchemy.exc import SQLAlchemyError

from core.managers.runs import Runs
from core.utilities.errors import TripcastError

LOOK_S = 2.0
SEND_AGAIN_S = 60.0
"""A run still waits so long after it was sent: behind others, or its message was lost."""

Send = Callable[[str, int], None]
"""Sends the task for a run, given its id and its attempts so far; raises TripcastError or OSError where it cannot."""


class RunDispatcher:
    """A thread that sends waiting runs to the queue.

    Parameters
    ----------
    runs : Runs
        Where runs are recorded.
    send : callable
        Sends the task for a run.
    look_s, send_again_s : float
        How often to look, and after how long to send again, in seconds.
    """

    def __init__(self, runs: Runs, send: Send, *, look_s: float = LOOK_S, send_again_s: float = SEND_AGAIN_S) -> None:
        self._runs = runs
        self._send = send
        self._look_s = look_s
        self._send_again_s = send_again_s
        self._sent: dict[tuple[str, int], float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more, and return when the thread has ended."""
        self._stop.set()
        self._thread.join()

    def look(self) -> None:
        """Send every run that waits and was not sent lately."""
        waiting = {(run.id, run.attempt) for run in self._runs.left_to_workers()}
        self._sent = {key: at for key, at in self._sent.items() if key in waiting}
        for key in sorted(waiting):
            if time.monotonic() - self._sent.get(key, -self._send_again_s) >= self._send_again_s:
                self._send(*key)
                self._sent[key] = time.monotonic()

    def _work(self) -> None:
        while not self._stop.is_set():
            try:
                self.look()
            except (SQLAlchemyError, TripcastError, OSError) as error:
                logger.warning("waiting runs cannot be sent now: {}", type(error).__name__)
            self._stop.wait(self._look_s)
