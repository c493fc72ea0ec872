"""What a web process makes of the workers' heartbeats."""

from contextlib import ExitStack

import pytest

from core.managers.heartbeat import INDEX_KEY, worker_key
from core.managers.worker_directory import WorkerDirectory
from core.schemas.wire import MIXED_WIRE_VERSION
from tests.core.managers.rows import heartbeat
from tests.e2e.processes import Broker

QUEUE = "tasks.trip"


@pytest.mark.parametrize(
    ("wires", "mixes"),
    [
        ([], False),
        ([1], False),
        ([MIXED_WIRE_VERSION], True),
        ([MIXED_WIRE_VERSION, MIXED_WIRE_VERSION + 1], True),
        ([MIXED_WIRE_VERSION, 1], False),
    ],
)
async def test_a_message_may_be_mixed_once_all_workers_understand_it(
    broker: Broker, wires: list[int], mixes: bool
) -> None:
    directory = WorkerDirectory(broker.url)
    with ExitStack() as after, broker.client() as client:
        for number, wire in enumerate(wires):
            name = f"mixing-{number}"
            beat = heartbeat(name, 1).model_copy(update={"wire": wire})
            client.set(worker_key(name), beat.model_dump_json())
            client.sadd(INDEX_KEY, name)
            after.callback(client.srem, INDEX_KEY, name)
        await directory.poll()
        assert len(directory.serving(QUEUE)) == len(wires)
        assert directory.mix(QUEUE) is mixes
    await directory.stop()


async def test_a_worker_of_an_older_release_says_nothing_and_understands_version_1() -> None:
    assert heartbeat("w", 1).wire == 1
