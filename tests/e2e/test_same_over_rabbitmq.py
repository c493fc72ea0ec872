"""The tests of a prediction and of plain Celery clients once more, with RabbitMQ as the broker."""

from collections.abc import Iterator

import pytest
from celery import Celery

from tests.e2e.processes import Stack
from tests.e2e.rabbitmq import RabbitStack
from tests.e2e.test_celery_client import test_a_ride_is_predicted_with_the_number_that_http_gives  # noqa: F401
from tests.e2e.test_predict import *  # noqa: F403 (the point of this module)
from tests.e2e.test_predict_batch import (
    test_each_row_is_answered_as_if_it_were_alone,  # noqa: F401
    test_ten_thousand_rows_are_answered_in_order,  # noqa: F401
)

pytestmark = pytest.mark.e2e


@pytest.fixture
def stack(over_rabbitmq: RabbitStack) -> Stack:
    """Take the place of the stack that the tests know."""
    return over_rabbitmq.stack


@pytest.fixture
def client(over_rabbitmq: RabbitStack) -> Iterator[Celery]:
    """Take the place of the client that the tests know."""
    with over_rabbitmq.client() as plain:
        yield plain
