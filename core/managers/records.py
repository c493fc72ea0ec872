"""Send records of predictions on their way, from a web process to the recorder.

Redis key (on the result backend)
---------------------------------
``tripcast:records`` : stream of ``{"entry": RecordEntry as JSON}``; written by each web process, read and emptied by
    the recorder's consumer group ``recorder``. Bounded: a full stream takes no more.

Nobody waits for a record. What cannot be written is dropped, counted, and told in the log.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from loguru import logger
from redis.exceptions import RedisError

from core.managers.redis_clients import create_async_client
from core.schemas.record import Record, RecordEntry
from core.utilities.background import stop_tasks

STREAM = "tripcast:records"
FIELD = b"entry"
LEASE_KEY = "tripcast:recorder"
"""Held by the recorder that works."""
GATHER_S = 0.2
"""Records gather for so long, or until there are ``GATHER_ROWS``: writing costs per entry, not per row."""
GATHER_ROWS = 500
ROUND_ROWS = 2000
"""Rows that are encoded before others get a turn: a millisecond or two."""
MAX_BUFFERED_ROWS = 50_000
"""Some seconds of load, for a Redis that stalls."""
MAX_ENTRIES = 4000
"""Of the stream: a few hundred MiB of full entries, for a recorder that is away."""
REPORT_S = 5.0
_AWAY = (RedisError, OSError, TimeoutError)


class RecordWriter:
    """Gathers records and writes them to the stream; used on the event loop only.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    features : mapping of str to sequence of str
        The feature names of each model, in the order in which rows give them.
    """

    def __init__(self, url: str, *, features: Mapping[str, Sequence[str]]) -> None:
        self.dropped_rows = 0
        self._features = features
        self._client = create_async_client(url)
        self._rows: dict[str, tuple[list[Record], list[tuple[Any, ...]]]] = {}
        self._entries: list[RecordEntry] = []
        self._buffered = 0
        self._some, self._full = asyncio.Event(), asyncio.Event()
        self._crowded = False
        self._told_rows = 0
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Write from now on."""
        self._tasks = [
            asyncio.create_task(self._write_for_ever(), name="records"),
            asyncio.create_task(self._report_for_ever(), name="records-report"),
        ]

    async def stop(self) -> None:
        """Write what is there, and close the connection."""
        async with self._writing:
            await stop_tasks(self._tasks)
        while self._buffered and await self._write():
            pass
        self._drop(self._buffered)
        self._report()
        await self._client.aclose()

    def add_row(self, model: str, record: Record, values: tuple[Any, ...]) -> None:
        """Take the record of one row and its features, in the model's order."""
        if self._buffered >= MAX_BUFFERED_ROWS:
            self._drop(1)
            return
        records, rows = self._rows.setdefault(model, ([], []))
        records.append(record)
        rows.append(values)
        self._count(1)

    def add_entry(self, entry: RecordEntry) -> None:
        """Take rows that are columns already."""
        if self._buffered + entry.rows > MAX_BUFFERED_ROWS:
            self._drop(entry.rows)
            return
        self._entries.append(entry)
        self._count(entry.rows)

    def _count(self, rows: int) -> None:
        if not self._buffered:
            self._some.set()
        self._buffered += rows
        if self._buffered >= GATHER_ROWS:
            self._full.set()

    def _drop(self, rows: int) -> None:
        self.dropped_rows += rows

    async def _write_for_ever(self) -> None:
        while True:
            await self._some.wait()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), GATHER_S)
            async with self._writing:
                await self._write()

    async def _write(self) -> bool:
        """Write some of what is there; what cannot be written is dropped. Return whether it was written."""
        entries = list(self._take())
        rows = sum(entry.rows for entry in entries)
        try:
            if self._crowded and await self._client.xlen(STREAM) >= MAX_ENTRIES:
                self._drop(rows)
                return False
            async with self._client.pipeline(transaction=False) as pipe:
                for entry in entries:
                    # The bound of the server is for writers that do not look.
                    pipe.xadd(STREAM, {FIELD: entry.encode()}, maxlen=2 * MAX_ENTRIES, approximate=True)
                pipe.xlen(STREAM)
                *_, length = await pipe.execute()
            self._crowded = length >= MAX_ENTRIES
        except _AWAY:
            self._drop(rows)
            return False
        return True

    def _take(self) -> Iterator[RecordEntry]:
        """Yield entries of ``ROUND_ROWS`` rows or a little more, and forget those rows."""
        taken = 0
        while self._entries and taken < ROUND_ROWS:
            entry = self._entries.pop(0)
            taken += entry.rows
            yield entry
        for model, (records, values) in self._rows.items():
            size = min(len(records), max(0, ROUND_ROWS - taken))
            if not size:
                continue
            taken += size
            yield RecordEntry.of_rows(model, records[:size], values[:size], features=self._features[model])
            del records[:size], values[:size]
        self._buffered -= taken
        if self._buffered < GATHER_ROWS:
            self._full.clear()
        if not self._buffered:
            self._some.clear()

    async def _report_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self._report()

    def _report(self) -> None:
        new, self._told_rows = self.dropped_rows - self._told_rows, self.dropped_rows
        if new:
            logger.warning("{} records were dropped: Redis is away, or no recorder empties the stream", new)
