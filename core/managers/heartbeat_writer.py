"""Writes a worker's heartbeats; the keys are those of :mod:`core.managers.heartbeat`."""

import threading
from collections.abc import Callable
from pathlib import Path

import redis
from loguru import logger

from core.managers.heartbeat import INDEX_KEY, INTERVAL_S, LIFETIME_S, worker_key
from core.managers.redis_clients import TIMEOUT_S, create_client
from core.schemas.heartbeat import Heartbeat
from core.utilities.pulse_file import PulseFile


class HeartbeatWriter:
    """Beats in a thread of its own (a greenlet, where threading is monkey-patched).

    Parameters
    ----------
    url : str
        Redis of the result backend.
    compose : callable
        Takes the beat's number and whether the worker drains, returns the heartbeat to write.
    file : Path, optional
        Where each heartbeat that Redis took is written too, for a probe beside the worker (`boot.probe.worker`).
    """

    def __init__(self, url: str, *, compose: Callable[[int, bool], Heartbeat], file: Path | None = None) -> None:
        self._client = create_client(url)
        self._compose = compose
        self._file = PulseFile(file)
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
        self._file.write(heartbeat.model_dump_json())
        return heartbeat.id

    def _remove(self, worker: str) -> None:
        try:
            self._client.delete(worker_key(worker))
            self._client.srem(INDEX_KEY, worker)
        except redis.RedisError as error:
            logger.warning("heartbeat not removed, it expires by itself: {}", type(error).__name__)
