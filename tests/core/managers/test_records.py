import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from core.managers import records
from core.managers.records import FIELD, STREAM, RecordWriter
from core.schemas.catalog import TRIP_DURATION
from core.schemas.record import RecordEntry
from tests.core.managers.record_rows import FEATURES, VALUES, new_entry, new_record
from tests.e2e.processes import Broker, free_port

MODEL = TRIP_DURATION.model


@pytest.fixture
async def writer(broker: Broker) -> AsyncIterator[RecordWriter]:
    writer = RecordWriter(broker.url, features=FEATURES)
    writer.start()
    yield writer
    await writer.stop()


def stream_of(broker: Broker) -> list[RecordEntry]:
    with redis.Redis.from_url(broker.url) as client:
        return [RecordEntry.decode(fields[FIELD]) for _, fields in client.xrange(STREAM)]


async def test_rows_arrive_by_themselves_and_together(broker: Broker, writer: RecordWriter) -> None:
    for number in range(10):
        writer.add_row(MODEL, new_record(str(number)), VALUES)
    async with asyncio.timeout(30):
        while not stream_of(broker):
            await asyncio.sleep(0.02)
    (entry,) = stream_of(broker)
    assert entry.column("request_id") == [str(number) for number in range(10)]
    assert entry.features["trip_distance"] == [3.0] * 10


async def test_what_waits_is_written_at_the_end(broker: Broker) -> None:
    writer = RecordWriter(broker.url, features=FEATURES)
    writer.start()
    for number in range(5000):
        writer.add_row(MODEL, new_record(str(number)), VALUES)
    writer.add_entry(new_entry("of", "a", "block"))
    await writer.stop()
    written = [request_id for entry in stream_of(broker) for request_id in entry.column("request_id")]
    assert sorted(written) == sorted([*map(str, range(5000)), "of", "a", "block"])
    assert writer.dropped_rows == 0


async def test_without_redis_records_are_dropped_and_counted() -> None:
    writer = RecordWriter(f"redis://127.0.0.1:{free_port()}/0", features=FEATURES)
    writer.start()
    for number in range(100):
        writer.add_row(MODEL, new_record(str(number)), VALUES)
    await writer.stop()
    assert writer.dropped_rows == 100


async def test_more_than_can_wait_is_dropped_and_counted(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_BUFFERED_ROWS", 10)
    writer = RecordWriter(broker.url, features=FEATURES)
    for number in range(12):
        writer.add_row(MODEL, new_record(str(number)), VALUES)
    writer.add_entry(new_entry("one more"))
    assert writer.dropped_rows == 3
    await writer.stop()
    assert [len(entry.column("request_id")) for entry in stream_of(broker)] == [10]


async def test_a_full_stream_takes_no_more_until_it_was_emptied(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_ENTRIES", 3)
    monkeypatch.setattr(records, "GATHER_S", 0.001)
    writer = RecordWriter(broker.url, features=FEATURES)
    writer.start()
    sent = 0
    async with asyncio.timeout(30):
        while not writer.dropped_rows:
            writer.add_row(MODEL, new_record(str(sent)), VALUES)
            sent += 1
            await asyncio.sleep(0.01)
    first = stream_of(broker)
    assert len(first) == 3
    with broker.client() as client:
        client.delete(STREAM)
    writer.add_row(MODEL, new_record("again"), VALUES)
    await writer.stop()
    # The row before it may have been on its way while the stream was full.
    written = [request_id for entry in [*first, *stream_of(broker)] for request_id in entry.column("request_id")]
    assert written[-1] == "again"
    assert len(written) + writer.dropped_rows == sent + 1
