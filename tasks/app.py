"""The Celery application: names, queues and policy, built from the settings."""

from functools import partial
from typing import Any

from celery import Celery
from kombu import Queue

from config import Settings
from core.managers.predictor import BatchPredictor
from core.schemas.catalog import CATALOG
from core.utilities.errors import FeatureError, UnknownVersionError, WireError
from tasks.consumer import BrokerCare
from tasks.policy import PredictionTask
from tasks.rows import predict_rows, prepare_rows

RESULT_LIFETIME_S = 120
"""A result is read within milliseconds; one that nobody reads must not fill Redis."""

VISIBILITY_TIMEOUT_S = 30
"""An unacknowledged message older than this is given to another worker; longer than any prediction takes."""
SOCKET_TIMEOUT_S = 3.0
HEALTH_CHECK_INTERVAL_S = 2
_STORE_RETRIES = {"interval_start": 0.0, "interval_step": 0.1, "interval_max": 0.5, "max_retries": 20}
_REFUSALS = (WireError, FeatureError, UnknownVersionError)
"""What a sender did wrong: told to it, and no error of ours."""
_HARDENED = "core.managers.redis_transport:HardenedTransport"


class TripcastCelery(Celery):
    """A Celery application that carries what its tasks need."""

    predictor: BatchPredictor
    model_timeout_s: float


def create_celery(settings: Settings) -> TripcastCelery:
    """Return the Celery application for ``settings``.

    JSON both ways: whoever can write to the broker must not be able to run code. Each catalog entry has its
    task, its queue and its quarantine queue; tasks for clients of our own making are included beside them.
    """
    app = TripcastCelery("tripcast", broker=settings.broker_url, backend=settings.result_backend_url)
    app.loader.override_backends = dict.fromkeys(("redis", "rediss"), "tasks.backend:ReplyBackend")
    app.conf.update(_configuration(settings))
    app.model_timeout_s = settings.model_timeout_s
    app.steps["consumer"].add(BrokerCare)
    # Not shared: other applications of the process, the pipeline's say, do not serve them.
    register = partial(app.task, bind=True, base=PredictionTask, shared=False)
    for entry in CATALOG:
        register(predict_rows, name=entry.predict_rows_task, throws=(WireError,))
        register(prepare_rows, name=entry.prepare_rows_task, throws=_REFUSALS)
    return app


def _configuration(settings: Settings) -> dict[str, Any]:
    names = [name for entry in CATALOG for name in (entry.queue, entry.quarantine_queue)]
    return {
        "include": ["tasks.trip.tasks"],
        "task_queues": [Queue(name, routing_key=name) for name in names],
        "task_default_queue": CATALOG[0].queue,
        "task_serializer": "json",
        "result_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "result_expires": RESULT_LIFETIME_S,
        # Without this every greenlet would build its own result backend, with its own connection.
        "result_backend_thread_safe": True,
        "worker_prefetch_multiplier": settings.celery_worker_prefetch_multiplier,
        "worker_concurrency": settings.worker_concurrency,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport": _HARDENED if settings.broker_url.startswith("redis://") else None,
        # The consumer asks for heartbeats by itself: with this set, Celery on gevent waits 0.1 s after each message.
        "broker_heartbeat": 0,
        "worker_consumer": "tasks.consumer:TripcastConsumer",
        "broker_transport_options": _transport_options(settings.broker_url),
        "result_backend_transport_options": {"retry_policy": _STORE_RETRIES},
        "redis_socket_timeout": SOCKET_TIMEOUT_S,
        "redis_socket_connect_timeout": SOCKET_TIMEOUT_S,
        "redis_retry_on_timeout": False,
    }


def _transport_options(broker_url: str) -> dict[str, Any]:
    if not broker_url.startswith("redis"):
        return {}
    return {
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "unacked_restore_throttle": 1,
        "socket_timeout": SOCKET_TIMEOUT_S,
        "socket_connect_timeout": SOCKET_TIMEOUT_S,
        "socket_keepalive": True,
        "health_check_interval": HEALTH_CHECK_INTERVAL_S,
    }
