"""A real broker for what changes routes."""

from collections.abc import Iterator

import pytest

from tests.e2e.processes import Broker, free_port


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that runs as long as the tests."""
    broker = Broker(port=free_port(), folder=tmp_path_factory.mktemp("broker"))
    with broker.running():
        yield broker


@pytest.fixture
def broker(shared_broker: Broker) -> Broker:
    """The same, empty."""
    with shared_broker.client() as client:
        client.flushall()
    return shared_broker
