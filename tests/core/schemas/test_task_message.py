from datetime import UTC, datetime
from typing import Any

import orjson
from celery import Celery

from core.schemas.task_message import TaskMessage

MESSAGE = TaskMessage(
    task_id="process-1",
    task="tasks.trip.tasks.predict_rows",
    queue="tasks.trip",
    argument={"wire": 1, "ids": ["é"]},
    expires_at=1_700_000_060.5,
    sent_at=1_700_000_000.25,
    origin="web",
)


def as_celery_sends_it() -> Any:
    """Return what Celery's own client would put on the queue."""
    with Celery(set_as_current=False) as app:
        expires = datetime.fromtimestamp(MESSAGE.expires_at, UTC)
        return app.amqp.as_task_v2(
            MESSAGE.task_id, MESSAGE.task, args=[MESSAGE.argument], kwargs={}, expires=expires, origin="web"
        )


def test_the_body_is_that_of_celerys_own_client() -> None:
    args, kwargs, embedded = orjson.loads(MESSAGE.body())
    celery_args, celery_kwargs, celery_embedded = as_celery_sends_it().body

    assert (args, kwargs) == (list(celery_args), celery_kwargs)
    assert embedded == celery_embedded


def test_no_header_of_celerys_own_client_is_missing() -> None:
    optional = {"stamped_headers", "stamps", "ignore_result", "replaced_task_nesting", "group_index"}

    assert set(as_celery_sends_it().headers) - optional <= set(MESSAGE.headers())


def test_the_headers_that_a_worker_acts_on_are_celerys() -> None:
    headers, celery_headers = MESSAGE.headers(), as_celery_sends_it().headers

    for name in ("lang", "task", "id", "root_id", "eta", "retries", "timelimit", "origin"):
        assert headers[name] == celery_headers[name], name


def test_a_worker_reads_the_moment_of_expiry() -> None:
    assert datetime.fromisoformat(MESSAGE.headers()["expires"]).timestamp() == MESSAGE.expires_at


def test_the_moment_of_sending_travels_along() -> None:
    assert MESSAGE.headers()["sent_at"] == MESSAGE.sent_at
