"""An open-loop load: requests come when they come, whether or not the last one was answered."""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from core.managers.artifacts import find_champion, load_version
from core.schemas.catalog import TRIP_DURATION
from core.schemas.trip import ZONE_ID_MAX

ROOT = Path(__file__).resolve().parents[2]
LOST_AFTER_S = 65.0
"""Longer than the deadline of a request: what has no answer by then is lost."""
TOLERANCE_MIN = 1e-9
IDLE_CONNECTION_S = 20.0


@dataclass(frozen=True)
class Trip:
    """A request body and the model's own answer to it."""

    pickup: int
    dropoff: int
    distance_miles: float
    expected_min: float

    def body(self, request_id: str) -> bytes:
        """Return the JSON body."""
        return (
            f'{{"request_id":"{request_id}","PULocationID":{self.pickup},'
            f'"DOLocationID":{self.dropoff},"trip_distance":{self.distance_miles}}}'
        ).encode()


def sample_trips(count: int, *, seed: int = 7) -> list[Trip]:
    """Return trips, each with the shipped model's own answer to it, given without a queue."""
    champion = find_champion(ROOT / "repo" / "models", TRIP_DURATION.model)
    model = load_version(champion, entry=TRIP_DURATION)
    choice = random.Random(seed)  # noqa: S311 (a sample, not a secret)
    pickups, dropoffs = ([choice.randint(1, ZONE_ID_MAX) for _ in range(count)] for _ in range(2))
    miles = [round(choice.uniform(0.1, 20.0), 2) for _ in range(count)]
    answers = model.predict({"PULocationID": pickups, "DOLocationID": dropoffs, "trip_distance": miles}).predictions
    rows = zip(pickups, dropoffs, miles, answers, strict=True)
    return [Trip(pickup, dropoff, mile, answer) for pickup, dropoff, mile, answer in rows if answer is not None]


@dataclass
class Tally:
    """What became of the requests."""

    sent: int = 0
    right: int = 0
    wrong: int = 0
    lost: int = 0
    died: int = 0
    refused: int = 0
    errors: Counter[int] = field(default_factory=Counter)
    longest_s: float = 0.0
    examples: list[str] = field(default_factory=list)

    def note(self, example: str) -> None:
        """Keep the first examples of what went wrong."""
        if len(self.examples) < 5:
            self.examples.append(example)

    @property
    def honest_errors(self) -> int:
        """Answers that say truly that there is no prediction."""
        return sum(self.errors.values())


@dataclass(frozen=True)
class Outcome:
    """When a request was sent and had its end, by the monotonic clock in seconds, and whether its answer was right."""

    sent_s: float
    ended_s: float
    right: bool


class Connection:
    """One keep-alive HTTP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.reusable = True
        self.used_at = time.monotonic()

    @property
    def usable(self) -> bool:
        """Whether the server has not closed it and is not about to, for all that the client can know."""
        return not self._reader.at_eof() and time.monotonic() - self.used_at < IDLE_CONNECTION_S

    async def post(self, body: bytes) -> tuple[int, bytes]:
        """POST a trip; return status and body."""
        self._writer.write(
            b"POST /v1/trip/predict HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        answer = await self._reader.readexactly(length)
        self.reusable = b"connection: close" not in head
        self.used_at = time.monotonic()
        return int(head.split(b" ", 2)[1]), answer

    def close(self) -> None:
        """Close it."""
        self._writer.close()


class Load:
    """Sends trips at a rate and judges the answers."""

    def __init__(self, port: int, *, rate: float, trips: list[Trip]) -> None:
        self._port = port
        self._rate = rate
        self._trips = trips
        self._idle: list[Connection] = []
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self.tally = Tally()
        self.outcomes: list[Outcome] = []

    async def run(self) -> Tally:
        """Send until ``stop``; return once every request has its end."""
        started, number = time.monotonic(), 0
        while not self._stopped.is_set():
            while number < (time.monotonic() - started) * self._rate:
                task = asyncio.create_task(self._send(self._trips[number % len(self._trips)], number))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
                number += 1
            await asyncio.sleep(0.002)
        await asyncio.gather(*self._under_way)
        for connection in self._idle:
            connection.close()
        return self.tally

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    async def _send(self, trip: Trip, number: int) -> None:
        started = time.monotonic()
        right = await self._ask(trip, number)
        self.outcomes.append(Outcome(started, time.monotonic(), right))

    async def _ask(self, trip: Trip, number: int) -> bool:
        tally, started = self.tally, time.monotonic()
        tally.sent += 1
        try:
            connection = await self._connection()
        except OSError:
            tally.refused += 1
            return False
        try:
            status, answer = await asyncio.wait_for(connection.post(trip.body(str(number))), LOST_AFTER_S)
        except TimeoutError:
            tally.lost += 1
            tally.note(f"lost: request {number}")
            connection.close()
            return False
        except (OSError, asyncio.IncompleteReadError) as error:
            tally.died += 1
            tally.note(f"died: request {number}: {type(error).__name__}")
            connection.close()
            return False
        tally.longest_s = max(tally.longest_s, time.monotonic() - started)
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return self._judge(trip, number, status, answer)

    def _judge(self, trip: Trip, number: int, status: int, answer: bytes) -> bool:
        content = json.loads(answer)
        if status != 200:
            self.tally.errors[status] += 1
            self.tally.note(f"{status}: {content.get('detail')}")
        elif content["request_id"] == str(number) and abs(content["duration"] - trip.expected_min) < TOLERANCE_MIN:
            self.tally.right += 1
            return True
        else:
            self.tally.wrong += 1
            self.tally.note(f"wrong: {trip} -> {content}")
        return False

    async def _connection(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return Connection(*await asyncio.open_connection("127.0.0.1", self._port))
