"""The publisher for Redis: on the event loop, with one round trip for all messages that wait.

A thread beside the loop would cost more than the sending: each of its steps waits for the interpreter's lock,
up to 5 ms while the loop is busy. So kombu, which blocks, is left out here; what it would write is in
``core/schemas/task_message.py``, and a test holds both equal.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from loguru import logger
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from core.managers.publisher import (
    CAPACITY,
    FAST_S,
    IDLE_PROBE_S,
    PROBE_INTERVAL_S,
    TIMEOUT_S,
    OnChange,
    OnFailure,
)
from core.schemas.task_message import TaskMessage
from core.utilities.background import stop_tasks
from core.utilities.errors import BrokerUnavailableError
from core.utilities.patience import PatientTimeout
from core.utilities.urls import redact_url

_LOST = (RedisError, OSError, TimeoutError)


class RedisPublisher:
    """Publishes messages to Redis lists, as kombu does; see ``Publisher``.

    Parameters
    ----------
    url : str
        ``redis://``.
    on_failure, on_change : callable
        Called on the event loop.
    capacity : int
        Messages that may wait for a round trip.
    """

    def __init__(self, url: str, *, on_failure: OnFailure, on_change: OnChange, capacity: int = CAPACITY) -> None:
        self.reachable = False
        self._url = url
        # The limit is that of each round trip while it connects; see `_connected`.
        self._pool = ConnectionPool.from_url(url, socket_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0))
        self._connection: AbstractConnection | None = None
        self._on_failure = on_failure
        self._on_change = on_change
        self._capacity = capacity
        self._waiting: deque[TaskMessage] = deque()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for the broker."""
        self._task = asyncio.create_task(self._publish_until_stopped(), name="publisher")

    def publish(self, message: TaskMessage) -> None:
        """Take a message; does not block.

        Raises
        ------
        BrokerUnavailableError
            If the broker is known to be away, or too many messages wait already.
        """
        if not self.reachable:
            raise BrokerUnavailableError("the broker cannot be reached")
        if len(self._waiting) >= self._capacity:
            raise BrokerUnavailableError("the broker takes messages too slowly")
        self._waiting.append(message)
        self._wake.set()

    async def stop(self) -> None:
        """Send what waits and close the connection."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._task), 4 * TIMEOUT_S)
            await stop_tasks([self._task])
        await self._disconnect()

    async def _publish_until_stopped(self) -> None:
        await self._probe()
        while not self._stopping or self._waiting:
            if not self._waiting and not await self._is_woken():
                await self._probe()
                continue
            self._wake.clear()
            messages = list(self._waiting)
            self._waiting.clear()
            if messages:
                await self._publish_or_report(messages)

    async def _is_woken(self) -> bool:
        try:
            async with asyncio.timeout(IDLE_PROBE_S if self.reachable else PROBE_INTERVAL_S):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    async def _publish_or_report(self, messages: Sequence[TaskMessage]) -> None:
        """Try once, and once more on a new connection if the old one failed at once."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        done = self.reachable and (
            await self._try(messages) or (loop.time() - started < FAST_S and await self._try(messages))
        )
        if not done:
            self._set_reachable(reachable=False)
            for message in messages:
                self._on_failure(message)

    async def _try(self, messages: Sequence[TaskMessage]) -> bool:
        """Push all messages; those that Redis itself refuses are reported one by one."""
        try:
            async with PatientTimeout(TIMEOUT_S):
                refused = await self._push(messages)
        except _LOST as error:
            await self._note(error)
            return False
        for message, reason in refused:
            logger.bind(task_id=message.task_id).error("the broker refuses a message: {}", reason)
            self._on_failure(message)
        return True

    async def _push(self, messages: Sequence[TaskMessage]) -> list[tuple[TaskMessage, str]]:
        connection = await self._connected()
        commands = [("LPUSH", message.queue, message.envelope()) for message in messages]
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        refused: list[tuple[TaskMessage, str]] = []
        for message in messages:
            try:
                await connection.read_response()
            except ResponseError as error:
                refused.append((message, str(error)))
        return refused

    async def _connected(self) -> AbstractConnection:
        """Return the connection; a new one takes four round trips, each of which may take `TIMEOUT_S`."""
        if self._connection is None:
            connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
            await connection.connect()  # type: ignore[no-untyped-call]
            # From now on whoever sends sets the limit: of a round trip, not of each reply to what it sent at once.
            connection.socket_timeout = None
            self._connection = connection
        return self._connection

    async def _probe(self) -> None:
        """Try the connection, or a new one; note a change.

        No caller waits for a new one. Had it to be made as fast as a message is sent, a broker that is slow, but fast enough
        to be used, would never be reached again once its connection was lost.
        """
        try:
            connection = await self._connected()
            async with PatientTimeout(TIMEOUT_S):
                await connection.send_command("PING", check_health=False)
                await connection.read_response()
        except _LOST as error:
            await self._note(error)
            self._set_reachable(reachable=False)
        else:
            self._set_reachable(reachable=True)

    async def _note(self, error: Exception) -> None:
        await self._disconnect()
        if self.reachable:
            logger.warning("broker {}: {}", redact_url(self._url), type(error).__name__)

    def _set_reachable(self, *, reachable: bool) -> None:
        if reachable != self.reachable:
            self.reachable = reachable
            self._on_change(reachable)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
