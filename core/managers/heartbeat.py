"""Worker heartbeats: written by each worker process, read by each web process.

Redis keys (on the result backend)
----------------------------------
``tripcast:worker:<id>`` : string, JSON of ``Heartbeat``; lives ``LIFETIME_S``; written by that worker.
``tripcast:workers`` : set of worker ids; each worker adds itself with every beat, a reader removes those
    whose key has expired. No clock is compared, so that workers' clocks may differ.
"""

import threading
from collections.abc import Callable

import redis
import redis.asyncio
from loguru import logger
from pydantic import ValidationError

from core.managers.redis_clients import TIMEOUT_S, create_client
from core.schemas.heartbeat import Heartbeat

INTERVAL_S = 0.25
LIFETIME_S = 1.0
"""Three beats may be late before a worker counts as dead."""
INDEX_KEY = "tripcast:workers"


def worker_key(worker: str) -> str:
    """Return the key of a worker's heartbeat."""
    return f"tripcast:worker:{worker}"


class HeartbeatWriter:
    """Beats in a thread of its own (a greenlet, where threading is monkey-patched).

    Parameters
    ----------
    url : str
        Redis of the result backend.
    compose : callable
        Takes the beat's number and whether the worker drains, returns the heartbeat to write.
    """

    def __init__(self, url: str, *, compose: Callable[[int, bool], Heartbeat]) -> None:
        self._client = create_client(url)
        self._compose = compose
        self._wake = threading.Event()
        self._stopped = False
        self._draining = False
        self._thread = threading.Thread(target=self._beat_until_stopped, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Beat once a ``INTERVAL_S`` from now on."""
        self._thread.start()

    def drain(self) -> None:
        """Tell the readers, at once, that this worker takes no more work."""
        self._draining = True
        self._wake.set()

    def stop(self) -> None:
        """Stop, and remove the heartbeat, so that nobody waits for it to expire."""
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout=2 * TIMEOUT_S)

    def _beat_until_stopped(self) -> None:
        beat, reachable, worker = 0, True, ""
        while not self._stopped:
            self._wake.clear()
            beat += 1
            try:
                worker = self._write(self._compose(beat, self._draining))
                reachable = True
            except redis.RedisError as error:
                if reachable:
                    logger.warning("heartbeat not written: {}", type(error).__name__)
                reachable = False
            self._wake.wait(INTERVAL_S)
        self._remove(worker)
        self._client.close()

    def _write(self, heartbeat: Heartbeat) -> str:
        with self._client.pipeline(transaction=False) as pipe:
            pipe.set(worker_key(heartbeat.id), heartbeat.model_dump_json(), px=int(LIFETIME_S * 1000))
            pipe.sadd(INDEX_KEY, heartbeat.id)
            pipe.execute()
        return heartbeat.id

    def _remove(self, worker: str) -> None:
        try:
            self._client.delete(worker_key(worker))
            self._client.srem(INDEX_KEY, worker)
        except redis.RedisError as error:
            logger.warning("heartbeat not removed, it expires by itself: {}", type(error).__name__)


async def read_heartbeats(client: "redis.asyncio.Redis") -> list[Heartbeat]:
    """Return the heartbeats of all living workers.

    Raises
    ------
    redis.RedisError
        If Redis cannot be reached.
    """
    workers = [str(name, "utf-8", "replace") for name in await client.smembers(INDEX_KEY) if isinstance(name, bytes)]
    if not workers:
        return []
    values = await client.mget([worker_key(worker) for worker in workers])
    dead = [worker for worker, value in zip(workers, values, strict=True) if value is None]
    if dead:
        await client.srem(INDEX_KEY, *dead)
    return [heartbeat for value in values if value is not None and (heartbeat := decode_heartbeat(value)) is not None]


def decode_heartbeat(value: bytes | str) -> Heartbeat | None:
    """Return the heartbeat, or ``None`` for what is none: somebody else's key must not stop the readers."""
    try:
        return Heartbeat.model_validate_json(value)
    except ValidationError:
        logger.warning("a heartbeat key holds no heartbeat")
        return None
