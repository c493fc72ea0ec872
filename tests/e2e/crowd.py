"""More clients than one worker can serve, each with a connection of its own."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.processes import EXAMPLE
from tests.e2e.team_models import IS_SLOW

ROW_S = 0.02
"""What the team's model takes for a row: fifty a second, on an idle machine."""
INTERVAL_S = 0.005
"""Between two clients: four times what can be served."""
TIMEOUT_S = 2.0
RISE_S = 2.0
"""In which the rate rises from what can be served."""
LONGEST_S = 60.0
"""After which a crowd goes home, whatever goes on beside it."""


@dataclass(frozen=True)
class Answer:
    """What a client got, and when."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    asked_at: float
    seconds: float

    @property
    def early(self) -> bool:
        """Whether it was given before the request was read."""
        return self.headers["server-timing"] == "total;dur=0.0"


def encode(request_id: str, *, escaped: bool = False) -> bytes:
    """Return a request for a slow row; an escape in its id keeps it from being refused early."""
    body = json.dumps(EXAMPLE | {"request_id": request_id, "PULocationID": IS_SLOW, "trip_distance": ROW_S})
    if escaped:
        body = body.replace(request_id, f"\\u{ord(request_id[0]):04x}{request_id[1:]}")
    return (
        f"POST /v1/trip/predict HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        f"X-Request-Timeout: {TIMEOUT_S}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


class Client:
    """One keep-alive connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, request: bytes) -> Answer:
        """Send a request and wait for its answer."""
        asked_at = time.monotonic()
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, *lines = head.decode().rstrip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = json.loads(await self._reader.readexactly(int(headers["content-length"])))
        return Answer(int(status.split()[1]), headers, body, asked_at, time.monotonic() - asked_at)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    """Give a client of the web server on this port, which hangs up in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        await writer.wait_closed()


async def ask_once(port: int, request: bytes) -> Answer:
    """Connect, ask and hang up."""
    async with connected(port) as client:
        return await client.ask(request)


async def overload(port: int, seconds: float, *, then: Callable[[], Awaitable[None]] | None = None) -> list[Answer]:
    """Send clients at a rate that rises and then stays, whatever becomes of them; return their answers.

    ``then`` is run along with it, once more come than can be served. The crowd stays until that is done,
    and at least so many ``seconds``.
    """
    async with asyncio.TaskGroup() as group:
        clients: list[asyncio.Task[Answer]] = []
        beside: asyncio.Task[None] | None = None
        start = due = time.monotonic()
        while due < start + seconds or (beside is not None and not beside.done() and due < start + LONGEST_S):
            due += ROW_S + (INTERVAL_S - ROW_S) * min(1.0, (due - start) / RISE_S)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            clients.append(group.create_task(ask_once(port, encode(f"crowd-{len(clients)}"))))
            if then is not None and beside is None and due > start + RISE_S / 2:
                beside = group.create_task(_run(then))
    return [client.result() for client in clients]


async def _run(then: Callable[[], Awaitable[None]]) -> None:
    await then()
