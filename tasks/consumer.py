"""The worker's consumer: sets aside what Celery would only log, and comes back fast."""

from typing import Any

import orjson
from celery import bootsteps
from celery.worker.consumer import Consumer
from celery.worker.state import maybe_shutdown
from kombu import Connection, Message
from loguru import logger

from core.managers.dead_letters import bury
from core.managers.redis_clients import create_client
from core.utilities.urls import redact_url

CARE_INTERVAL_S = 1.0
RECONNECT_START_S, RECONNECT_STEP_S, RECONNECT_MAX_S = 0.2, 0.2, 1.0


class TripcastConsumer(Consumer):
    """Celery's consumer with dead letters and a fast reconnect."""

    def on_decode_error(self, message: Message, exc: Exception) -> None:
        """Set aside a message whose body cannot be decoded."""
        self._bury(message, f"not decodable: {type(exc).__name__}")
        message.ack_log_error(logger, self.connection_errors)

    def on_invalid_task(self, body: object, message: Message, exc: Exception) -> None:
        """Set aside a message of a content type that is not accepted, or that is no task."""
        self._bury(message, f"not a task: {type(exc).__name__}")
        message.reject_log_error(logger, self.connection_errors)

    def on_unknown_message(self, body: object, message: Message) -> None:
        """Set aside a message that is of no task protocol."""
        self._bury(message, "not of a known protocol")
        message.reject_log_error(logger, self.connection_errors)

    def on_unknown_task(self, body: object, message: Message, exc: Exception) -> None:
        """Answer a task that does not exist, and set it aside."""
        self._bury(message, "unknown task")
        if isinstance(message.headers.get("id"), str):
            super().on_unknown_task(body, message, exc)
        else:
            message.reject_log_error(logger, self.connection_errors)

    def ensure_connected(self, conn: Connection) -> Connection:
        """Return ``conn`` connected; tries at least once a second, where Celery backs off without end."""

        def note(error: Exception, interval: float) -> None:
            logger.warning("no broker at {}: {}", redact_url(conn.as_uri()), type(error).__name__)

        connected = conn.ensure_connection(
            note,
            max_retries=None,
            interval_start=RECONNECT_START_S,
            interval_step=RECONNECT_STEP_S,
            interval_max=RECONNECT_MAX_S,
            callback=maybe_shutdown,
        )
        self.first_connection_attempt = False
        self.broker_connection_retry_attempt = 0
        return connected

    def _bury(self, message: Message, reason: str) -> None:
        content = orjson.dumps({"headers": message.headers, "body": str(message.body)}, default=str)
        queue = str((message.delivery_info or {}).get("routing_key"))
        with create_client(self.app.conf.result_backend) as client:
            bury(client, content, queue=queue, reason=reason)


class BrokerCare(bootsteps.StartStopStep):
    """What kombu does on an event loop and so never under gevent: restore, and notice a dead connection."""

    requires = ("celery.worker.consumer:Tasks",)

    def __init__(self, consumer: Consumer, **kwargs: Any) -> None:  # noqa: ANN401 (Celery's signature)
        super().__init__(consumer, **kwargs)
        self._timer: Any = None

    def start(self, consumer: Consumer) -> None:
        """Care once a second from now on; RabbitMQ restores by itself."""
        cycle = getattr(consumer.connection.transport, "cycle", None)
        if hasattr(cycle, "maybe_restore_messages"):
            self._timer = consumer.timer.call_repeatedly(CARE_INTERVAL_S, _care, (cycle,))

    def stop(self, consumer: Consumer) -> None:
        """Stop caring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _care(cycle: Any) -> None:  # noqa: ANN401 (kombu's poller)
    try:
        cycle.maybe_restore_messages()
        cycle.maybe_check_brpop_health()
        cycle.maybe_check_subclient_health()
    except OSError as error:
        logger.debug("care failed, the consumer notices by itself: {}", type(error).__name__)
