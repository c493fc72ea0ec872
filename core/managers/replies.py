"""The reply listener: one Redis subscription that brings every result of this process.

Celery's Redis backend writes a result under ``celery-task-meta-<task id>`` and publishes it on a channel
of that name. Task ids of one web process share a prefix, so one pattern subscription hears them all.

Redis keys
----------
``celery-task-meta-<task id>`` : string, JSON; written by the worker's result backend with its lifetime
    (``result_expires``); deleted here once read.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import orjson
from loguru import logger
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from core.managers.redis_clients import TIMEOUT_S, create_async_client
from core.utilities.background import stop_tasks

KEY_PREFIX = "celery-task-meta-"
PING_INTERVAL_S = 1.0
SILENCE_LIMIT_S = 3.0
"""A connection that does not answer a ping for so long is dead, even if TCP does not know."""
RECONNECT_INTERVAL_S = 0.2
SUBSCRIBE_TIMEOUT_S = 5 * TIMEOUT_S
"""To connect and subscribe takes five round trips, each of which may take as long as any other to Redis."""
DELETE_INTERVAL_S = 0.1


class ReplyListener:
    """Hears the results of all tasks whose id starts with ``prefix``.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    prefix : str
        Start of the task ids of this process.
    on_reply : callable
        Called with a task id and its decoded result record, on the event loop. May be called twice for
        one task: by the channel and by a read after a reconnect.
    pending : callable
        Returns the ids of the tasks under way; after each (re)connect their results are read, so that
        none is missed.
    wanted : callable
        Tells whether somebody waits for the task; other results are deleted unread.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str,
        on_reply: Callable[[str, dict[str, Any]], None],
        pending: Callable[[], Iterable[str]],
        wanted: Callable[[str], bool],
    ) -> None:
        self.connected = asyncio.Event()
        self._pattern = f"{KEY_PREFIX}{prefix}*"
        self._on_reply = on_reply
        self._pending = pending
        self._wanted = wanted
        self._read: list[str] = []
        # A subscription waits for ever, so its client has no read timeout; pings find a dead connection.
        self._subscriber = create_async_client(url, read_timeout_s=None)
        self._client = create_async_client(url)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start to listen; ``connected`` is set while the subscription stands."""
        self._tasks = [
            asyncio.create_task(self._listen_for_ever(), name="reply-listener"),
            asyncio.create_task(self._delete_for_ever(), name="reply-deleter"),
        ]

    async def stop(self) -> None:
        """Stop listening, delete the results read so far, close the connections."""
        await stop_tasks(self._tasks)
        await self._delete_read()
        await self._subscriber.aclose()
        await self._client.aclose()

    async def read(self, task_ids: Iterable[str]) -> None:
        """Read the results of ``task_ids`` that exist and hand them to ``on_reply``.

        Raises
        ------
        redis.exceptions.RedisError
            If Redis cannot be reached.
        """
        wanted = list(task_ids)
        if not wanted:
            return
        for task_id, value in zip(wanted, await self._client.mget([KEY_PREFIX + i for i in wanted]), strict=True):
            if value is not None:
                self._deliver(task_id, value)

    async def _listen_for_ever(self) -> None:
        reachable = True
        while True:
            try:
                async with self._subscriber.pubsub(push_handler_func=_as_it_came) as pubsub:
                    await asyncio.wait_for(pubsub.psubscribe(self._pattern), SUBSCRIBE_TIMEOUT_S)
                    await self._listen(pubsub)
            except (RedisError, OSError, TimeoutError) as error:
                if self.connected.is_set() or reachable:
                    logger.warning("result backend lost: {}", type(error).__name__)
                reachable = False
            finally:
                self.connected.clear()
            await asyncio.sleep(RECONNECT_INTERVAL_S)

    async def _listen(self, pubsub: PubSub) -> None:
        """Deliver messages until the connection breaks; raise what broke it."""
        watch = asyncio.create_task(_ping(pubsub), name="reply-ping")
        silent_s = 0.0
        try:
            while True:
                # Silence is counted in short waits: a process that stands still misses one, and then reads what came.
                message = await pubsub.get_message(timeout=PING_INTERVAL_S)
                silent_s = silent_s + PING_INTERVAL_S if message is None else 0.0
                if silent_s >= SILENCE_LIMIT_S:
                    raise TimeoutError("the result backend is silent")
                if message is None:
                    continue
                if message["type"] == "pmessage":
                    self._deliver(
                        bytes(message["channel"]).decode(errors="replace")[len(KEY_PREFIX) :], message["data"]
                    )
                elif message["type"] == "psubscribe":
                    # Subscribed first, read afterwards: a result falls into one of the two.
                    await self.read(self._pending())
                    self.connected.set()
        finally:
            watch.cancel()

    def _deliver(self, task_id: str, value: bytes | str) -> None:
        """Hand a result over. Whatever else comes on the channel must not stop the listener."""
        self._read.append(task_id)
        if not self._wanted(task_id):
            return
        try:
            record = orjson.loads(value)
            self._on_reply(task_id, record if isinstance(record, dict) else {})
        except Exception as error:  # noqa: BLE001 (anybody can publish anything)
            logger.warning("no result of task {}: {}, {} bytes", task_id, type(error).__name__, len(value))

    async def _delete_for_ever(self) -> None:
        while True:
            await asyncio.sleep(DELETE_INTERVAL_S)
            await self._delete_read()

    async def _delete_read(self) -> None:
        """Delete the results that were read; what fails to be deleted expires by itself."""
        read, self._read = self._read, []
        if read:
            try:
                await self._client.unlink(*(KEY_PREFIX + task_id for task_id in read))
            except (RedisError, OSError) as error:
                logger.debug("{} results not deleted: {}", len(read), type(error).__name__)


async def _as_it_came(message: list[Any]) -> list[Any]:
    """Take a pushed message; redis-py's own handler first writes all of it out, for a log that is off."""
    return message


async def _ping(pubsub: PubSub) -> None:
    """Ping until the connection breaks; the reader sees the break, or the silence, by itself."""
    with suppress(RedisError, OSError):
        while True:
            await asyncio.sleep(PING_INTERVAL_S)
            await pubsub.ping()
