"""The stacks that the end-to-end tests share: each takes three seconds to start."""

import os
from collections.abc import Iterator

import pytest
from celery import Celery

from tests.e2e.pickles import write_team_model
from tests.e2e.processes import Stack, create_stack
from tests.e2e.rabbitmq import RabbitStack, create_rabbit_stack, find_rabbitmq
from tests.e2e.team_models import CLASS


@pytest.fixture(scope="session")
def team_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Serve a team's own model, which does harm on request."""
    folder = tmp_path_factory.mktemp("team")
    model = {"TRIP_DURATION_MODEL": str(write_team_model(folder)), "MODEL_ALLOWED_CLASSES": CLASS}
    with create_stack(folder).running(worker=model) as running:
        yield running


@pytest.fixture(scope="session")
def needs_rabbitmq() -> None:
    """Skip where RabbitMQ is not installed, which in CI is a failure."""
    if find_rabbitmq() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("rabbitmq-server is not installed")
        pytest.skip("rabbitmq-server is not installed")


@pytest.fixture(scope="session")
def over_rabbitmq(needs_rabbitmq: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitStack]:
    """Serve the shipped model over RabbitMQ, which alone takes seconds to start."""
    serving = create_rabbit_stack(tmp_path_factory.mktemp("rabbit"))
    with serving.running(LOG_REQUESTS="all"):
        yield serving


@pytest.fixture
def client(stack: Stack) -> Iterator[Celery]:
    """Return a Celery client that knows nothing but where the broker is."""
    with celery_client(stack) as client:
        yield client


def celery_client(stack: Stack) -> Celery:
    """Return a plain client of a stack's broker."""
    return Celery(broker=stack.broker.url, backend=stack.broker.url, set_as_current=False)
