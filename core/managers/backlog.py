"""The backlog board: each web process reports the rows it has no answer for, and any of them can add all up.

Redis keys (on the result backend)
----------------------------------
``tripcast:backlog:<process>`` : string, JSON of ``BacklogReport``; lives ``LIFETIME_S``; written by that web process.
``tripcast:backlogs`` : set of process ids; each adds itself with every report, a reader removes those whose key has
    expired.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from loguru import logger
from pydantic import ValidationError
from redis.exceptions import RedisError

from core.managers.redis_clients import create_async_client
from core.schemas.backlog import Backlog, BacklogReport, RowCount
from core.schemas.catalog import CatalogEntry
from core.services.backlog import sum_up
from core.utilities.background import stop_tasks
from core.utilities.errors import BrokerUnavailableError

INTERVAL_S = 0.5
LIFETIME_S = 10.0
"""A process whose loop is stuck must not drop out of the sum; one that died counts for so long."""
INDEX_KEY = "tripcast:backlogs"
PRIORITIES = ("", "\x06\x163", "\x06\x166", "\x06\x169")
"""kombu keeps messages of higher priority in lists of their own: what it adds to the queue's name."""
_AWAY = (RedisError, OSError, TimeoutError)


def backlog_key(process: str) -> str:
    """Return the key of a web process's report."""
    return f"tripcast:backlog:{process}"


class BacklogBoard:
    """Reports for one web process and reads the reports of all.

    Parameters
    ----------
    process : str
        Id of this web process.
    entries : sequence of CatalogEntry
        The models.
    count : callable
        Returns the unanswered rows of this process, by model; called on the event loop.
    broker_url, backend_url : str
        Where messages wait, and the Redis where the reports are.
    """

    def __init__(
        self,
        process: str,
        entries: Sequence[CatalogEntry],
        *,
        count: Callable[[], Mapping[str, RowCount]],
        broker_url: str,
        backend_url: str,
    ) -> None:
        self._process = process
        self._entries = tuple(entries)
        self._count = count
        self._backend = create_async_client(backend_url)
        self._broker = create_async_client(broker_url) if broker_url.startswith(("redis://", "rediss://")) else None
        self._reporting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Report once an ``INTERVAL_S`` from now on."""
        self._reporting = asyncio.create_task(self._report_for_ever(), name="backlog")

    async def stop(self) -> None:
        """Take the report back and close the connections."""
        if self._reporting is not None:
            await stop_tasks([self._reporting])
        try:
            await self._backend.delete(backlog_key(self._process))
            await self._backend.srem(INDEX_KEY, self._process)
        except _AWAY as error:
            logger.debug("a backlog report is not removed, it expires by itself: {}", type(error).__name__)
        await self._backend.aclose()
        if self._broker is not None:
            await self._broker.aclose()

    async def read(self) -> Backlog:
        """Return what waits in all web processes and queues.

        Raises
        ------
        BrokerUnavailableError
            If Redis cannot be reached, or has forgotten what was reported: what waits is not known then.
        """
        try:
            reports = await self._read_reports()
            messages = {entry.model: await self._count_messages(entry) for entry in self._entries}
        except _AWAY as error:
            raise BrokerUnavailableError("Redis cannot be reached, so what waits is not known") from error
        if self._process not in reports:
            raise BrokerUnavailableError("what waits has not been reported yet")
        queues = {entry.model: entry.queue for entry in self._entries}
        return sum_up([*reports.values()], queues=queues, messages=messages)

    async def _report_for_ever(self) -> None:
        while True:
            try:
                await self._report()
            except _AWAY as error:
                logger.debug("the backlog is not reported: {}", type(error).__name__)
            await asyncio.sleep(INTERVAL_S)

    async def _report(self) -> None:
        report = BacklogReport(rows=dict(self._count()))
        async with self._backend.pipeline(transaction=False) as pipe:
            pipe.set(backlog_key(self._process), report.model_dump_json(), px=int(LIFETIME_S * 1000))
            pipe.sadd(INDEX_KEY, self._process)
            await pipe.execute()

    async def _read_reports(self) -> dict[str, BacklogReport]:
        processes = [
            str(name, "utf-8", "replace") for name in await self._backend.smembers(INDEX_KEY) if isinstance(name, bytes)
        ]
        values = await self._backend.mget([backlog_key(process) for process in processes]) if processes else []
        found = dict(zip(processes, values, strict=True))
        if gone := [process for process, value in found.items() if value is None]:
            await self._backend.srem(INDEX_KEY, *gone)
        reports = {process: _decode(value) for process, value in found.items() if value is not None}
        return {process: report for process, report in reports.items() if report is not None}

    async def _count_messages(self, entry: CatalogEntry) -> int | None:
        if self._broker is None:
            return None
        async with self._broker.pipeline(transaction=False) as pipe:
            for queue in (entry.queue, entry.quarantine_queue):
                for priority in PRIORITIES:
                    pipe.llen(queue + priority)
            lengths: list[int] = await pipe.execute()
        return sum(lengths)


def _decode(value: bytes | str) -> BacklogReport | None:
    """Return the report, None for what is none: somebody else's key must not stop the readers."""
    try:
        return BacklogReport.model_validate_json(value)
    except ValidationError:
        logger.warning("a backlog key holds no report")
        return None
