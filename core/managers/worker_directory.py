"""The worker directory: which workers live, as this web process last read it."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from loguru import logger

from core.managers.heartbeat import read_heartbeats
from core.managers.redis_clients import create_async_client
from core.schemas.heartbeat import Heartbeat
from core.schemas.wire import MIXED_WIRE_VERSION

POLL_INTERVAL_S = 0.25


class WorkerDirectory:
    """Holds the workers' heartbeats as of the last poll.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    """

    def __init__(self, url: str) -> None:
        self._client = create_async_client(url)
        self._workers: list[Heartbeat] = []
        self._serving: dict[str, list[Heartbeat]] = {}
        self._served: set[tuple[str, str]] = set()
        self._decided: set[tuple[str, str]] = set()
        self._mixing: set[str] = set()
        self.broken: frozenset[tuple[str, str, str]] = frozenset()
        """Queue, model and version of what one of those that take tasks from the queue could not load."""
        self._started = asyncio.get_running_loop().time()
        self._last_seen: dict[str, float] = {}

    async def stop(self) -> None:
        """Close the connection."""
        await self._client.aclose()

    def holding(self, queue: str) -> list[Heartbeat]:
        """Return the living workers that may hold tasks of ``queue``, draining ones included."""
        return [worker for worker in self._workers if queue in worker.queues]

    def serving(self, queue: str) -> list[Heartbeat]:
        """Return the living workers that take tasks from ``queue``; asked several times a request."""
        return self._serving.get(queue, [])

    def serve(self, queue: str, model: str) -> bool:
        """Tell whether one of those that take tasks from ``queue`` holds a version of ``model``."""
        return (queue, model) in self._served

    def decide(self, queue: str, model: str) -> bool:
        """Tell whether one of them answers for ``model`` with a version of its own, whatever the route says."""
        return (queue, model) in self._decided

    def mix(self, queue: str) -> bool:
        """Tell whether all of them understand a message with rows of several versions."""
        return queue in self._mixing

    def seconds_without(self, queue: str) -> float:
        """Return how long no worker has been seen on ``queue``: 0 with one, the directory's age if never.

        A web process that has just started has not looked for long enough to say that nobody is there.
        """
        if self.serving(queue):
            return 0.0
        return asyncio.get_running_loop().time() - self._last_seen.get(queue, self._started)

    def devices(self) -> dict[str, int]:
        """Return how many of the living workers compute on which device; those that drain are left out."""
        return dict(Counter(worker.device for worker in self._workers if not worker.draining))

    async def poll(self) -> None:
        """Read the heartbeats.

        Raises
        ------
        redis.exceptions.RedisError
            If Redis cannot be reached; what was read last still stands.
        """
        self._workers = await read_heartbeats(self._client)
        self._serving = {}
        for worker in self._workers:
            for queue in worker.queues if not worker.draining else ():
                self._serving.setdefault(queue, []).append(worker)
        serving = [(queue, worker) for queue, workers in self._serving.items() for worker in workers]
        self._served = {(queue, model) for queue, worker in serving for model in worker.models}
        self._decided = {(queue, model) for queue, worker in serving for model in worker.fixed}
        self._mixing = {
            queue
            for queue, workers in self._serving.items()
            if all(worker.wire >= MIXED_WIRE_VERSION for worker in workers)
        }
        self._note_broken(serving)
        self._last_seen.update(dict.fromkeys(self._serving, asyncio.get_running_loop().time()))

    def _note_broken(self, serving: Iterable[tuple[str, Heartbeat]]) -> None:
        broken = frozenset(
            (queue, model, failure.version)
            for queue, worker in serving
            for model, failures in worker.failed.items()
            for failure in failures
        )
        for queue, model, version in broken - self.broken:
            logger.warning("a worker of {} cannot load version {} of {}", queue, version, model)
        self.broken = broken
