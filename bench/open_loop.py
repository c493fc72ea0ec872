"""An open-loop load generator: requests leave at their appointed times, whether or not others were answered.

A closed loop (wrk) waits for an answer before it sends the next request, so it slows down with the server
and never overloads it. Here the arrivals are a Poisson process, and a latency counts from the appointed
time, not from the moment of sending: a stall of the generator or a lack of connections shows as latency.
"""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import cast

OK, REFUSED, LATE = 200, 503, 504
TICK_S = 0.001
MOST_CONNECTIONS = 12_000
ID_LENGTH = 18
OPENING = 64
"""Connections that are opened at the same time; more would overflow the listener's backlog."""


@dataclass(slots=True)
class Request:
    """One request: when it was to leave, and whether its client has been refused before."""

    number: int
    appointed_s: float
    returned: bool = False


@dataclass
class Report:
    """What became of the requests whose appointed time lay in the measured part; latencies in seconds."""

    statuses: Counter[int] = field(default_factory=Counter)
    accepted_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)
    retry_after_s: Counter[int] = field(default_factory=Counter)
    returns: Counter[int] = field(default_factory=Counter)
    """Statuses of the first return of clients that obeyed their Retry-After."""
    broken: int = 0
    connections: int = 0


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self, load: "OpenLoop") -> None:
        self._load = load
        self._transport: asyncio.WriteTransport | None = None
        self._request: Request | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take part from now on."""
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's is none by its class
        self._load.idle(self)

    def send(self, request: Request, message: bytes) -> None:
        """Send one request."""
        self._request = request
        assert self._transport is not None  # noqa: S101 (for the type checker)
        self._transport.write(message)

    def data_received(self, data: bytes) -> None:
        """Take the answer, in one piece nearly always."""
        if self._buffer:
            data = self._buffer + data
        head = data.find(b"\r\n\r\n")
        start = data.find(b"content-length: ", 0, head)
        if head < 0 or start < 0 or len(data) < head + 4 + int(data[start + 16 : data.index(b"\r", start)]):
            self._buffer = data
            return
        self._buffer = b""
        request, self._request = self._request, None
        if request is not None:
            self._load.answered(request, int(data[9:12]), data)
        self._load.idle(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a request that has no answer now."""
        self._load.lost(self, self._request)

    def close(self) -> None:
        """Close it."""
        if self._transport is not None:
            self._transport.close()


class OpenLoop:
    """Sends trips at a rate for a while and notes what comes back.

    Parameters
    ----------
    port : int
        Of the web server on this machine.
    messages : sequence of (bytes, bytes)
        What stands before and after a request id of ``ID_LENGTH`` characters.
    rate : float
        Requests a second.
    warm_up_s, measured_s : float
        Requests appointed in the first part are sent, not counted.
    obeying : float
        Share of refused clients that come back when they were told to.
    connections : int
        Opened before the first request; more are opened when all are busy.
    on_edge : callable, optional
        Called when the measured part begins and when it ends.
    seed : int
        Of the arrivals.
    """

    def __init__(
        self,
        port: int,
        *,
        messages: Sequence[tuple[bytes, bytes]],
        rate: float,
        warm_up_s: float,
        measured_s: float,
        obeying: float = 0.0,
        connections: int = 4000,
        on_edge: Callable[[], None] | None = None,
        seed: int = 1,
    ) -> None:
        self.report = Report()
        self._port = port
        self._messages = messages
        self._rate = rate
        self._measured = (warm_up_s, warm_up_s + measured_s)
        self._obeying = obeying
        self._ready_made = connections
        self._on_edge = on_edge
        self._random = random.Random(seed)  # noqa: S311 (arrivals, not secrets)
        self._idle: list[Connection] = []
        self._due: deque[Request] = deque()
        self._connections = 0
        self._opening = 0
        self._open = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._started = 0.0
        self._appointed = 0.0
        self._number = 0
        self._run = b"%08x" % random.getrandbits(32)

    async def run(self, *, patience_s: float = 3.0) -> Report:
        """Send for the whole time, wait for the last answers, return the report."""
        while len(self._idle) < self._ready_made:
            await asyncio.gather(*(self._connect() for _ in range(OPENING)))
        self._started = self._loop.time()
        for until in self._measured:
            await self._send_until(until)
            if self._on_edge is not None:
                self._on_edge()
        limit = self._loop.time() + patience_s
        while self._open and self._loop.time() < limit:
            await asyncio.sleep(TICK_S)
        self.report.broken += self._open
        for connection in self._idle:
            connection.close()
        return self.report

    async def _send_until(self, end: float) -> None:
        draw, rate = self._random.expovariate, self._rate
        while True:
            now = self._loop.time() - self._started
            while self._appointed <= now and self._appointed < end:
                self._send(Request(self._number, self._appointed))
                self._number += 1
                self._appointed += draw(rate)
            self._send_due()
            if self._appointed >= end:
                return
            await asyncio.sleep(TICK_S)

    def _send(self, request: Request) -> None:
        self._open += 1
        if self._idle:
            self._write(self._idle.pop(), request)
        else:
            self._due.append(request)

    def _send_due(self) -> None:
        while self._due and self._idle:
            self._write(self._idle.pop(), self._due.popleft())
        wanted = min(len(self._due), OPENING, MOST_CONNECTIONS - self._connections) - self._opening
        for _ in range(wanted):
            self._opening += 1
            task = self._loop.create_task(self._connect_more())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self) -> None:
        self._connections += 1
        self.report.connections = max(self.report.connections, self._connections)
        try:
            await self._loop.create_connection(lambda: Connection(self), "127.0.0.1", self._port)
        except OSError:
            self._connections -= 1

    async def _connect_more(self) -> None:
        try:
            await self._connect()
        finally:
            self._opening -= 1

    def _write(self, connection: Connection, request: Request) -> None:
        before, after = self._messages[request.number % len(self._messages)]
        connection.send(request, b"%b%b-%09d%b" % (before, self._run, request.number, after))

    def idle(self, connection: Connection) -> None:
        """Take a connection that can be used."""
        if self._due:
            self._write(connection, self._due.popleft())
        else:
            self._idle.append(connection)

    def lost(self, connection: Connection, request: Request | None) -> None:
        """Note that a connection is gone, with or without a request under way."""
        self._connections -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        if request is not None:
            self._open -= 1
            self.report.broken += 1

    def answered(self, request: Request, status: int, data: bytes) -> None:
        """Note an answer; a client that obeys is appointed again."""
        self._open -= 1
        now = self._loop.time() - self._started
        latency_s = now - request.appointed_s
        retry_s = _retry_after_s(data) if status == REFUSED else 0
        if self._measured[0] <= request.appointed_s:
            self._note(request, status, latency_s, retry_s)
        if retry_s and not request.returned and self._random.random() < self._obeying:
            again = Request(request.number, now + retry_s, returned=True)
            self._loop.call_later(retry_s, self._return, again)

    def _return(self, request: Request) -> None:
        if request.appointed_s < self._measured[1]:
            self._send(request)
            self._send_due()

    def _note(self, request: Request, status: int, latency_s: float, retry_s: int) -> None:
        report = self.report
        report.statuses[status] += 1
        if request.returned:
            report.returns[status] += 1
        if status == OK:
            report.accepted_s.append(latency_s)
        elif status == REFUSED:
            report.refused_s.append(latency_s)
            report.retry_after_s[retry_s] += 1


def _retry_after_s(data: bytes) -> int:
    start = data.find(b"retry-after: ")
    return int(data[start + 13 : data.index(b"\r", start)]) if start >= 0 else 0
