"""A load that remembers each answer: who gave it, what it said, when."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.wrk import PREDICT_PATH

OK = 200
ANSWER_TIMEOUT_S = 65.0
"""Longer than the deadline of a request."""


class Answer(NamedTuple):
    """What became of a request; times as ``time.monotonic`` tells them, ``status`` 0 where the connection broke."""

    trip: int
    request_id: str
    status: int
    version: str
    minutes: float
    transaction_id: str
    sent_at: float
    given_at: float


@dataclass(kw_only=True)
class RouteLoad:
    """So many connections, each with one request under way, until it is stopped or all ids were asked for.

    Parameters
    ----------
    port : int
        Of the web server.
    trips : sequence of dict
        The features; they are sent in turn.
    connections : int
        How many.
    ids : sequence of str, optional
        The request ids, each asked for once; default: new ones without end.
    """

    port: int
    trips: Sequence[dict[str, Any]]
    connections: int
    ids: Sequence[str] | None = None

    def __post_init__(self) -> None:
        self.answers: list[Answer] = []
        self._stopped = False
        self._ids = iter(self.ids) if self.ids is not None else (f"live-{number}" for number in itertools.count())
        self._numbers = itertools.count()

    async def run(self) -> list[Answer]:
        """Send until stopped, or to the end; return all answers."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self.connections):
                group.create_task(self._send())
        return self.answers

    def stop(self) -> None:
        """Send no more."""
        self._stopped = True

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Send as long as the block lasts; what was sent is answered when this ends."""
        running = asyncio.create_task(self.run())
        try:
            yield
        finally:
            self.stop()
            await running

    async def _send(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            while not self._stopped and (request_id := next(self._ids, None)) is not None:
                trip = next(self._numbers) % len(self.trips)
                sent_at = time.monotonic()
                try:
                    request = _encode({"request_id": request_id, **self.trips[trip]})
                    writer.write(request)
                    status, body = await asyncio.wait_for(_read(reader), ANSWER_TIMEOUT_S)
                except (OSError, EOFError, TimeoutError):
                    self.answers.append(Answer(trip, request_id, 0, "", 0.0, "", sent_at, time.monotonic()))
                    writer.close()
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    continue
                self.answers.append(_answer(trip, request_id, status, body, sent_at))
        finally:
            writer.close()


def _encode(body: dict[str, Any]) -> bytes:
    content = json.dumps(body).encode()
    head = f"POST {PREDICT_PATH} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\nContent-Length: {len(content)}"
    return head.encode() + b"\r\n\r\n" + content


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
    return int(head.split(b" ", 2)[1]), await reader.readexactly(length)


def _answer(trip: int, request_id: str, status: int, body: bytes, sent_at: float) -> Answer:
    content = json.loads(body)
    version, minutes, transaction_id = (
        (content["model_version"], content["duration"], content["transaction_id"]) if status == OK else ("", 0.0, "")
    )
    return Answer(trip, request_id, status, version, minutes, transaction_id, sent_at, time.monotonic())
