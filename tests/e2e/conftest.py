"""The stacks that the end-to-end tests share: each takes three seconds to start."""

from collections.abc import Iterator

import pytest
from celery import Celery

from tests.e2e.pickles import write_team_model
from tests.e2e.processes import Stack, create_stack
from tests.e2e.team_models import CLASS


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Serve the shipped model; a line is logged for each request."""
    with create_stack(tmp_path_factory.mktemp("shipped")).running(LOG_REQUESTS="all") as running:
        yield running


@pytest.fixture(scope="session")
def team_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Serve a team's own model, which does harm on request."""
    folder = tmp_path_factory.mktemp("team")
    model = {"TRIP_DURATION_MODEL": str(write_team_model(folder)), "MODEL_ALLOWED_CLASSES": CLASS}
    with create_stack(folder).running(worker=model) as running:
        yield running


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """Return a stack for one test alone, which starts and stops its parts."""
    return create_stack(tmp_path_factory.mktemp("own"))


@pytest.fixture
def client(stack: Stack) -> Iterator[Celery]:
    """Return a Celery client that knows nothing but where the broker is."""
    with celery_client(stack) as client:
        yield client


def celery_client(stack: Stack) -> Celery:
    """Return a plain client of a stack's broker."""
    return Celery(broker=stack.broker.url, backend=stack.broker.url, set_as_current=False)
