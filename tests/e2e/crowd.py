"""More clients than one worker can serve, each with a connection of its own."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
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

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()


async def connect(port: int) -> Client:
    """Return a client of the web server on this port."""
    return Client(*await asyncio.open_connection("127.0.0.1", port))


async def ask_once(port: int, request: bytes) -> Answer:
    """Connect, ask and hang up."""
    client = await connect(port)
    try:
        return await client.ask(request)
    finally:
        await client.close()


async def overload(port: int, seconds: float, *, then: Callable[[], Awaitable[None]] | None = None) -> list[Answer]:
    """Send clients at a rate that rises and then stays, whatever becomes of them; return their answers.

    ``then`` is run along with it, once more come than can be served.
    """
    clients: list[asyncio.Task[Answer]] = []
    others: list[asyncio.Future[None]] = []
    start = time.monotonic()
    number, due = 0, start
    while due < start + seconds:
        due += ROW_S + (INTERVAL_S - ROW_S) * min(1.0, (due - start) / RISE_S)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        number += 1
        clients.append(asyncio.create_task(ask_once(port, encode(f"crowd-{number}"))))
        if then is not None and not others and time.monotonic() > start + RISE_S / 2:
            others.append(asyncio.ensure_future(then()))
    await asyncio.gather(*others)
    return await asyncio.gather(*clients)
