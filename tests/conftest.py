"""What all tests share: an environment that holds no setting of the person who runs them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from config import Settings
from tests.core.managers.postgresql import stop_postgresql
from tests.e2e.processes import Broker, Stack, create_stack, free_port

if not os.environ.get("CI"):  # there hypothesis loads a profile of its own, without deadlines too
    settings.register_profile("tripcast", deadline=None)
    settings.load_profile("tripcast")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    # It takes seconds, and a database beside the data; tests of it turn it on.
    monkeypatch.setenv("TRACKING", "off")


@pytest.fixture(scope="session", autouse=True)
def _leave_nothing_running() -> Iterator[None]:
    yield
    stop_postgresql()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, where no ``.env`` is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def shared_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A real broker for all tests that need one and leave it as it is."""
    broker = Broker(port=free_port(), folder=tmp_path_factory.mktemp("broker"))
    with broker.running():
        yield broker


@pytest.fixture
def broker(shared_broker: Broker) -> Broker:
    """The real broker, empty."""
    with shared_broker.client() as client:
        client.flushall()
    return shared_broker


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Serve the shipped model, for all tests that leave it as it is; a line is logged for each request."""
    with create_stack(tmp_path_factory.mktemp("shipped")).running(LOG_REQUESTS="all") as running:
        yield running


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return a stack for one test alone, which starts and stops its parts."""
    return create_stack(tmp_path_factory.mktemp("own"))
