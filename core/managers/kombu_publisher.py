"""The publisher for every broker that kombu knows: one thread that puts task messages on their queues.

kombu blocks, and so must not run on the event loop; it does all sending here. Its own retries are off
(they can block for minutes): a message is tried once, on a connection that was closed meanwhile once more,
and then reported as failed. While the broker is away messages fail at once and the thread looks for it.

RabbitMQ drops a message without a word if its queue does not exist. So over AMQP each queue is declared
before the first message to it, with the arguments that the worker uses; a message is sent only once the
broker confirmed it, and comes back as an error if its queue has gone since.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from queue import Empty, Full, Queue

from kombu import Connection, Producer
from kombu import Queue as MessageQueue
from loguru import logger

from core.managers.publisher import FAST_S, IDLE_PROBE_S, PROBE_INTERVAL_S, TIMEOUT_S
from core.schemas.task_message import TRANSIENT, TaskMessage
from core.utilities.errors import BrokerUnavailableError
from core.utilities.urls import redact_url


class KombuPublisher:
    """Publishes messages from one thread, in the order of ``publish``.

    Parameters
    ----------
    url : str
        Of the broker: AMQP, or what else kombu knows.
    on_failure : callable
        Called on the publisher's thread with each message that could not be published.
    on_change : callable
        Called on the publisher's thread with whether the broker is reachable, when that changes.
    capacity : int
        Messages that may wait for the thread.
    """

    def __init__(
        self,
        url: str,
        *,
        on_failure: Callable[[TaskMessage], None],
        on_change: Callable[[bool], None],
        capacity: int = 1024,
    ) -> None:
        self.reachable = False
        self._url = url
        self._is_amqp = not url.startswith("redis")
        self._declared: set[str] = set()
        self._confirmation = {"mandatory": True, "confirm_timeout": TIMEOUT_S} if self._is_amqp else {}
        self._on_failure = on_failure
        self._on_change = on_change
        self._waiting: Queue[TaskMessage | None] = Queue(capacity)
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._thread = threading.Thread(target=self._publish_until_stopped, name="publisher", daemon=True)

    def start(self) -> None:
        """Start the thread; ``on_change`` tells when the broker is reached."""
        self._thread.start()

    def publish(self, message: TaskMessage) -> None:
        """Hand a message to the thread; does not block.

        Raises
        ------
        BrokerUnavailableError
            If the broker is known to be away, or too many messages wait already.
        """
        if not self.reachable:
            raise BrokerUnavailableError("the broker cannot be reached")
        try:
            self._waiting.put_nowait(message)
        except Full:
            raise BrokerUnavailableError("the broker takes messages too slowly") from None

    async def stop(self) -> None:
        """Send what waits, close the connection, end the thread."""
        await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        try:
            self._waiting.put(None, timeout=2 * TIMEOUT_S)
        except Full:
            logger.warning("the publisher does not stop: its queue stays full")
        self._thread.join(timeout=4 * TIMEOUT_S)

    def _publish_until_stopped(self) -> None:
        self._probe()
        while True:
            try:
                message = self._waiting.get(timeout=IDLE_PROBE_S if self.reachable else PROBE_INTERVAL_S)
            except Empty:
                self._probe()
                continue
            if message is None:
                break
            self._publish_or_report(message)
        self._disconnect()

    def _publish_or_report(self, message: TaskMessage) -> None:
        if not (self.reachable and self._send(message)):
            self._set_reachable(reachable=False)
            self._on_failure(message)

    def _send(self, message: TaskMessage) -> bool:
        """Try once, and once more on a new connection if the old one failed at once."""
        started = time.monotonic()
        if self._try_to_send(message):
            return True
        return time.monotonic() - started < FAST_S and self._try_to_send(message)

    def _try_to_send(self, message: TaskMessage) -> bool:
        try:
            producer = self._producer or self._connect()
            if self._is_amqp and message.queue not in self._declared:
                MessageQueue(message.queue, routing_key=message.queue)(producer.channel).queue_declare()
                self._declared.add(message.queue)
            producer.publish(
                message.body(),
                exchange="",
                routing_key=message.queue,
                content_type="application/json",
                content_encoding="utf-8",
                headers=message.headers(),
                correlation_id=message.task_id,
                reply_to="",
                delivery_mode=TRANSIENT,
                retry=False,
                **self._confirmation,
            )
        except Exception as error:  # noqa: BLE001 (each transport raises its own; the thread must live on)
            self._note(error)
            return False
        return True

    def _connect(self) -> Producer:
        """Open a connection and a channel, without kombu's own retries."""
        self._connection = Connection(self._url, connect_timeout=TIMEOUT_S, transport_options=_options(self._url))
        # Not `connect()`: that waits two seconds before its one retry.
        self._connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
        if self._is_amqp:
            # Only the handshake had a timeout so far; every later wait for the broker needs one too.
            self._connection.connection.sock.settimeout(TIMEOUT_S)
        self._producer = Producer(self._connection.channel(), auto_declare=False)
        return self._producer

    def _probe(self) -> None:
        """Try the connection, or a new one; note a change."""
        try:
            producer = self._producer or self._connect()
            if self._is_amqp:
                # A round trip that changes nothing: the channel confirms already, or will. Heartbeats would
                # need somebody who reads them.
                producer.channel.confirm_select()
            else:
                producer.channel.client.ping()
        except Exception as error:  # noqa: BLE001
            self._note(error)
            self._set_reachable(reachable=False)
        else:
            self._set_reachable(reachable=True)

    def _note(self, error: Exception) -> None:
        self._disconnect(broken=True)
        if self.reachable:
            logger.warning("broker {}: {}", redact_url(self._url), type(error).__name__)

    def _set_reachable(self, *, reachable: bool) -> None:
        if reachable != self.reachable:
            self.reachable = reachable
            self._on_change(reachable)

    def _disconnect(self, *, broken: bool = False) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        self._declared.clear()
        if connection is None:
            return
        started = time.monotonic()
        try:
            if broken and self._is_amqp:
                # AMQP takes leave in two round trips, which a dead broker would not answer.
                connection.collect()
            else:
                connection.close()
        except Exception as error:  # noqa: BLE001 (closing what is broken may fail in any way)
            logger.debug("closing the broker connection: {}", type(error).__name__)
        if time.monotonic() - started > TIMEOUT_S:
            logger.warning("closing the broker connection took {:.1f} s", time.monotonic() - started)


def _options(url: str) -> dict[str, object]:
    if url.startswith("redis"):
        return {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S, "socket_keepalive": True}
    return {"confirm_publish": True}
