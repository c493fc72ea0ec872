"""The worker's consumer: sets aside what Celery would only log, and comes back fast."""

from collections.abc import Callable
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
AMQP_HEARTBEAT_S = 6
"""RabbitMQ and worker miss each other after twice this; what a missed worker held is delivered again.

RabbitMQ sends one each half of this, which must be longer than the two seconds that Celery's loop waits for a
frame: otherwise an idle loop never comes round, and the worker does not notice SIGTERM.
"""
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

    def create_task_handler(self, *args: Any, **options: Any) -> Callable[[Message], None]:  # noqa: ANN401
        """Return what takes a message; over AMQP, one that makes Celery raise is set aside.

        Over Redis the transport does that, which sees still more of what may come.
        """
        take = super().create_task_handler(*args, **options)
        if self.connection.transport.driver_type == "redis":
            return take

        def take_or_bury(message: Message) -> None:
            try:
                take(message)
            except self.connection_errors:
                raise
            except Exception as error:  # noqa: BLE001 (whatever a message provokes, the worker must live)
                self._bury(message, f"not taken: {type(error).__name__}")
                message.reject_log_error(logger, self.connection_errors)

        return take_or_bury

    def connect(self) -> Connection:
        """Return a new connection, with heartbeats where the broker knows them."""
        connection = self.connection_for_read(heartbeat=AMQP_HEARTBEAT_S)
        if self.hub:
            connection.transport.register_with_event_loop(connection.connection, self.hub)
        return connection

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
