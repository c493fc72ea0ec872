"""The recorder: moves records from the stream into files, each exactly once.

Redis keys (on the result backend)
----------------------------------
``tripcast:records`` : the stream that web processes write; the consumer group ``recorder`` has one consumer, and
    entries leave the stream once they are in a file.
``tripcast:recorder`` : lease of the one recorder that works; others wait for it.

Entries are read, gathered, written to files and only then acknowledged. A recorder that was killed left entries that
were read and not acknowledged; the next one writes exactly those, first and alone, under the name of their ids. So a
file that was renamed before the kill has that very name, and stands.
"""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any, Protocol

import redis
from loguru import logger

from core.managers.record_files import RecordFiles
from core.managers.records import FIELD, LEASE_KEY, STREAM
from core.managers.redis_clients import create_client
from core.managers.redis_lease import RedisLease
from core.schemas.catalog import entry_of
from core.schemas.record import RecordEntry
from core.utilities.errors import UnknownModelError, WireError
from core.utilities.pulse_file import PulseFile

GROUP = CONSUMER = "recorder"
LEASE_S = 5.0
READ_ENTRIES = 200
REST_S = 0.5
"""Between two readings: many entries cost hardly more to read than one."""
ROLL_BYTES = 16 * 1024 * 1024
"""About 100,000 rows; so many are held in memory."""
RETRY_S = 0.5
TIDY_S = 3600.0
Gathered = list[tuple[bytes, bytes]]
"""Ids of entries, and their content; empty where the stream has dropped the entry meanwhile."""


class Onlooker(Protocol):
    """Sees what passes through the recorder that works; must not raise but where Redis is away."""

    def look(self, content: bytes) -> None:
        """See an entry's content, as it comes."""
        ...

    def tick(self) -> None:
        """Called at least twice a second."""
        ...


class Recorder:
    """Writes the records of one installation; complete when built.

    Parameters
    ----------
    url : str
        Redis of the result backend.
    files : RecordFiles
        Where they go.
    roll_s : float
        Records are written after so many seconds at most.
    onlookers : sequence of Onlooker
        See each entry.
    pulse : Path, optional
        File that is written after each turn, for a probe beside the recorder (`boot.probe.recorder`).
    """

    def __init__(
        self,
        url: str,
        *,
        files: RecordFiles,
        roll_s: float,
        onlookers: Sequence[Onlooker] = (),
        pulse: Path | None = None,
    ) -> None:
        self._client = create_client(url)
        self._lease = RedisLease(self._client, LEASE_KEY, lifetime_s=LEASE_S)
        self._files = files
        self._roll_s = roll_s
        self._onlookers = tuple(onlookers)
        self._pulse = PulseFile(pulse)
        self._gathered: Gathered = []
        self._bytes = 0
        self._since = 0.0
        self._tidied = float("-inf")
        self._works = False

    def run(self, stop: Event) -> None:
        """Work, or wait for another to be gone, until ``stop`` is set; what was read is written then."""
        reachable = True
        while not stop.is_set():
            try:
                more = self.turn(stop)
                self._pulse.write(json.dumps({"works": self._works}))
                if not more:
                    stop.wait(REST_S)
                reachable = True
            except (redis.RedisError, OSError) as error:
                if reachable:
                    logger.warning("records cannot be moved: {}", type(error).__name__)
                reachable = False
                stop.wait(RETRY_S)
        self.close()

    def turn(self, stop: Event) -> bool:
        """Read what has come, write what is due.

        Returns
        -------
        bool
            Whether there is more to read at once.

        Raises
        ------
        redis.RedisError, OSError
            If Redis is away, or the disk does not take a file; everything is still there.
        """
        try:
            if not self._hold():
                stop.wait(RETRY_S)
                return True
            entries = self._read(">")
            self._take(entries)
            for onlooker in self._onlookers:
                onlooker.tick()
            if self._gathered and (self._bytes >= ROLL_BYTES or time.monotonic() - self._since >= self._roll_s):
                self.roll()
        except BaseException:
            # Some of it may be in a file. What comes next must not be mixed with it: begin as after a kill.
            self._works = False
            raise
        if time.monotonic() - self._tidied > TIDY_S:
            self._tidied = time.monotonic()
            self._files.tidy()
        return len(entries) == READ_ENTRIES

    def roll(self) -> None:
        """Write what was gathered, and take it off the stream."""
        if not self._gathered or not self._hold():
            return
        self._store()
        ids = [entry_id for entry_id, _ in self._gathered]
        with self._client.pipeline(transaction=True) as pipe:
            pipe.xack(STREAM, GROUP, *ids)
            pipe.xdel(STREAM, *ids)
            pipe.execute()
        self._gathered, self._bytes = [], 0

    def close(self) -> None:
        """Write what is there, and let another work."""
        try:
            if self._works:
                self.roll()
                self._lease.give_back()
        except (redis.RedisError, OSError) as error:
            logger.warning("the last records stay in the stream: {}", type(error).__name__)
        self._client.close()

    def _hold(self) -> bool:
        """Tell whether we are the one; whoever becomes it finishes what the last one left."""
        held = self._lease.hold()
        if held and not self._works:
            logger.info("records go to {}", self._files.folder)
            self._gathered, self._bytes = [], 0
            self._ensure_group()
            self._works = True
            self._recover()
        self._works = held
        return held

    def _recover(self) -> None:
        last = "0"
        while entries := self._read(last):
            self._take(entries)
            last = entries[-1][0].decode()
        self.roll()

    def _read(self, after: str) -> Gathered:
        """Return entries: new ones after ``>``, after an id those that were read and not acknowledged."""
        try:
            # Pairs of stream and entries, in the second version of Redis's protocol, which is what these clients speak.
            found: Any = self._client.xreadgroup(GROUP, CONSUMER, {STREAM: after}, count=READ_ENTRIES)
        except redis.ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            self._ensure_group()  # Redis lost its data, with it the stream.
            return []
        return [
            (entry_id, (fields or {}).get(FIELD, b"")) for _, entries in found or () for entry_id, fields in entries
        ]

    def _ensure_group(self) -> None:
        try:
            self._client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _take(self, entries: Gathered) -> None:
        if entries and not self._gathered:
            self._since = time.monotonic()
        for entry_id, content in entries:
            self._gathered.append((entry_id, content))
            self._bytes += len(content)
            for onlooker in self._onlookers:
                onlooker.look(content)

    def _store(self) -> None:
        # The libraries take a second and a hundred MiB: not before there is something to write.
        from core.handlers.record_tables import records_of  # noqa: PLC0415

        name = f"{self._gathered[0][0].decode()}-{self._gathered[-1][0].decode()}"
        by_model: dict[str, list[RecordEntry]] = {}
        for entry in self._decoded():
            by_model.setdefault(entry.model, []).append(entry)
        for model, entries in by_model.items():
            try:
                described = entry_of(model)
            except UnknownModelError as error:
                logger.error("records were dropped: {}", error)
                continue
            self._files.store(model, records_of(entries, entry=described), name=name)

    def _decoded(self) -> Iterator[RecordEntry]:
        for entry_id, content in self._gathered:
            try:
                yield RecordEntry.decode(content)
            except WireError as error:
                logger.error("an entry of the stream was dropped: {} ({})", error, entry_id.decode())
