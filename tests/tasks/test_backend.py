import json
from collections.abc import Iterator

import pytest
from celery import Celery

from config import Settings
from tasks.app import create_celery
from tasks.backend import ReplyBackend
from tests.e2e.processes import Broker

KEY = "celery-task-meta-1"


@pytest.fixture
def app(broker: Broker) -> Iterator[Celery]:
    settings = Settings(celery_broker_url=broker.url, celery_result_backend=broker.url)
    with create_celery(settings) as app:
        yield app


def test_a_workers_results_go_through_it(app: Celery) -> None:
    assert isinstance(app.backend, ReplyBackend)


@pytest.mark.filterwarnings("ignore:Call to deprecated setex")
def test_a_success_is_what_celerys_own_backend_writes(app: Celery, broker: Broker) -> None:
    with broker.client() as client, client.pubsub() as channel:
        channel.subscribe(KEY)
        channel.get_message(timeout=30)
        app.backend.mark_as_done("1", {"predictions": [1.5]})
        told = channel.get_message(timeout=30)
        stored, lifetime_s = client.get(KEY), client.ttl(KEY)
    with Celery(backend=broker.url, set_as_current=False) as plain:
        plain.backend.mark_as_done("2", {"predictions": [1.5]})
    with broker.client() as client:
        theirs = json.loads(client.get("celery-task-meta-2"))

    assert told is not None
    assert told["data"] == stored
    record = json.loads(stored)
    assert record | {"task_id": "2", "date_done": None} == theirs | {"date_done": None}
    assert 0 < lifetime_s <= app.conf.result_expires
    assert app.AsyncResult("1").get(timeout=30) == {"predictions": [1.5]}


def test_a_failure_does_not_replace_a_success(app: Celery) -> None:
    app.backend.mark_as_done("1", 7)
    app.backend.store_result("1", ValueError("late"), "FAILURE")

    assert app.AsyncResult("1").get(timeout=30) == 7


def test_a_result_is_stored_on_a_new_connection_when_the_old_one_was_closed(app: Celery, broker: Broker) -> None:
    app.backend.mark_as_done("1", 1)
    with broker.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    app.backend.mark_as_done("2", 2)

    assert app.AsyncResult("2").get(timeout=30) == 2


def test_a_result_that_redis_refuses_is_an_error_and_the_next_one_is_stored(app: Celery, broker: Broker) -> None:
    with broker.client() as client:
        client.config_set("maxmemory", "1")
        try:
            with pytest.raises(Exception, match="maxmemory"):
                app.backend.mark_as_done("1", 1)
        finally:
            client.config_set("maxmemory", "0")
    app.backend.mark_as_done("2", 2)

    assert app.AsyncResult("2").get(timeout=30) == 2
