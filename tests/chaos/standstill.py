"""How long nothing went on: the broker, or this whole machine, stood still."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis

from core.managers.redis_clients import create_client
from tests.e2e.processes import Broker

PAUSE_S = 0.05
STILL_S = 0.6
"""Where a broker is silent for little longer requests are refused, as promised, and who stands still for little longer
reuses connections that a web process has given him time to let go of."""


class Standstill:
    """Asks the broker again and again; ``longest_s`` is what it, and this process between two questions, took at most.

    A broker that refuses connections does not stand still.
    """

    def __init__(self, broker: Broker) -> None:
        self.longest_s = 0.0
        self._broker = broker
        self._stopped = threading.Event()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look for it meanwhile, in a thread."""
        thread = threading.Thread(target=self._watch, name="standstill")
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _watch(self) -> None:
        with create_client(self._broker.url) as client:
            while not self._stopped.is_set():
                asked = time.monotonic()
                with suppress(redis.RedisError):
                    client.ping()
                self._stopped.wait(PAUSE_S)
                self.longest_s = max(self.longest_s, time.monotonic() - asked - PAUSE_S)
