import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.managers.heartbeat import INDEX_KEY, LIFETIME_S, read_heartbeats, worker_key
from core.managers.heartbeat_writer import HeartbeatWriter
from core.managers.redis_clients import create_async_client
from core.schemas.heartbeat import Heartbeat
from tests.core.managers.rows import heartbeat
from tests.e2e.processes import Broker, running, wait_until
from tests.promises import tried_thrice

BACK_WITHIN_S = 2.0


@contextmanager
def beating(broker: Broker, worker: str = "w") -> Iterator[HeartbeatWriter]:
    """Run a writer; it has beaten once."""
    writer = HeartbeatWriter(
        broker.url, compose=lambda beat, draining: heartbeat(worker, beat, "task-1", draining=draining)
    )
    writer.start()
    try:
        wait_until(lambda: read(broker))
        yield writer
    finally:
        writer.stop()


def read(broker: Broker) -> list[Heartbeat]:
    async def read_once() -> list[Heartbeat]:
        async with create_async_client(broker.url) as client:
            return await read_heartbeats(client)

    return asyncio.run(read_once())


def indexed(broker: Broker) -> set[str]:
    with broker.client() as client:
        return set(client.smembers(INDEX_KEY))


def test_a_reader_sees_what_the_worker_composed_and_its_beats_count_up(broker: Broker) -> None:
    with beating(broker):
        [first] = wait_until(lambda: read(broker))
        wait_until(lambda: any(worker.beat >= first.beat + 2 for worker in read(broker)))
    assert (first.id, first.tasks_in_hand, first.draining) == ("w", ["task-1"], False)


def test_a_heartbeat_lives_no_longer_than_its_lifetime(broker: Broker) -> None:
    with beating(broker), broker.client() as client:
        assert 0 < wait_until(lambda: max(0, client.pttl(worker_key("w")))) <= LIFETIME_S * 1000


def test_all_living_workers_are_read(broker: Broker) -> None:
    with beating(broker, "a"), beating(broker, "b"):
        wait_until(lambda: {worker.id for worker in read(broker)} == {"a", "b"})


def test_that_a_worker_drains_is_told(broker: Broker) -> None:
    with beating(broker) as writer:
        writer.drain()
        wait_until(lambda: any(worker.draining for worker in read(broker)))


def test_a_writer_that_stops_takes_its_heartbeat_with_it(broker: Broker) -> None:
    with beating(broker):
        pass
    assert read(broker) == []
    assert indexed(broker) == set()


def test_a_killed_worker_is_gone_within_its_lifetime_and_is_pruned(broker: Broker, tmp_path: Path) -> None:
    command = (sys.executable, "-m", "tests.core.managers.beater", broker.url)
    with running(*command, log=tmp_path / "beater.log") as process:
        wait_until(lambda: read(broker))
        process.kill()
        process.wait()
        with broker.client() as client:
            left_ms = int(client.pttl(worker_key("w")))
        wait_until(lambda: not read(broker))
    # Redis counts the time; what it has forgotten by then has -2.
    assert left_ms == -2 or 0 <= left_ms <= LIFETIME_S * 1000
    assert indexed(broker) == set()


@pytest.mark.parametrize("garbage", [b"garbage", b"\xff", b"{}", b"[1]"])
def test_what_is_no_heartbeat_does_not_hide_the_others(broker: Broker, garbage: bytes) -> None:
    with broker.client() as client:
        client.set(worker_key("foreign"), garbage)
        client.sadd(INDEX_KEY, "foreign", b"\xff")
    with beating(broker):
        wait_until(lambda: [worker.id for worker in read(broker)] == ["w"])


@tried_thrice
def test_a_worker_beats_again_soon_after_its_broker_is_back(own_broker: Broker) -> None:
    with own_broker.running() as server, beating(own_broker):
        server.kill()
        server.wait()
        with own_broker.running():
            with own_broker.client() as client:
                client.flushall()
            wait_until(lambda: read(own_broker), timeout_s=BACK_WITHIN_S)


def test_what_redis_took_goes_to_a_file_as_well(broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "heartbeat.json"
    writer = HeartbeatWriter(broker.url, compose=lambda beat, _: heartbeat("w", beat), file=file)
    writer.start()
    try:
        wait_until(file.exists)
        first = Heartbeat.model_validate_json(file.read_text())
        wait_until(lambda: Heartbeat.model_validate_json(file.read_text()).beat > first.beat)
    finally:
        writer.stop()
    assert first.id == "w"


def test_a_file_that_cannot_be_written_stops_no_heartbeat(broker: Broker, tmp_path: Path) -> None:
    file = tmp_path / "nowhere" / "heartbeat.json"
    writer = HeartbeatWriter(broker.url, compose=lambda beat, _: heartbeat("w", beat), file=file)
    writer.start()
    try:
        wait_until(lambda: any(worker.beat > 2 for worker in read(broker)))
    finally:
        writer.stop()
    assert not file.exists()
