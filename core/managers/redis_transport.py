"""kombu's Redis transport, hardened and lighter.

In kombu one entry that is no message (not JSON, not an object, without properties) raises in the worker's
main loop and ends the process. Here it is set aside as a dead letter.

kombu notes each message that it delivers in Redis and strikes it out again once it is acknowledged, so that
it can be delivered again if the worker dies: two round trips a task. A message whose sender finds out by
himself and sends again says so in a header, and goes without.

Redis keys
----------
``unacked``, ``unacked_index`` : kombu's own, for all other messages.
"""

from queue import Empty
from typing import Any

import orjson
from kombu.exceptions import KombuError
from kombu.transport import redis as kombu_redis
from kombu.transport import virtual

from core.managers.dead_letters import bury
from core.schemas.task_message import RESENT_BY_SENDER

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""A batch of 10,000 rows is below 2 MiB; what is larger than this is not ours."""


class LightQoS(kombu_redis.QoS):  # type: ignore[misc]  # kombu is untyped here
    """Keeps account of delivered messages: in this process only of those that their sender sends again."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 (kombu's signature)
        super().__init__(*args, **options)
        self._light: set[str] = set()

    def append(self, message: Any, delivery_tag: str) -> None:  # noqa: ANN401
        """Note a message as delivered."""
        if message.headers.get(RESENT_BY_SENDER) is True:
            self._light.add(delivery_tag)
            virtual.QoS.append(self, message, delivery_tag)
        else:
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Strike a message out."""
        if delivery_tag in self._light:
            self._light.discard(delivery_tag)
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Strike a message out, or give it back."""
        if delivery_tag in self._light and not requeue:
            self.ack(delivery_tag)
        else:
            super().reject(delivery_tag, requeue=requeue)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: ANN401
        """Give a message back to its queue: a light one as it came, and to the end that is read next."""
        if tag not in self._light:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
            return
        message = self._delivered[tag]
        self._light.discard(tag)
        with self.channel.conn_or_acquire(client) as connected:
            connected.rpush(message.delivery_info["routing_key"], orjson.dumps(message._raw))


class HardenedChannel(kombu_redis.Channel):  # type: ignore[misc]  # kombu is untyped here
    """A channel that survives what it reads."""

    QoS = LightQoS

    def close(self) -> None:
        """Close it, and the connection by which kombu gives back, last of all, what was not acknowledged."""
        super().close()
        self._disconnect_pools()

    def _brpop_read(self, **options: Any) -> bool:  # noqa: ANN401 (kombu's signature)
        """Read the reply to the pending BRPOP and deliver it, or set it aside."""
        try:
            try:
                reply = self.client.parse_response(self.client.connection, "BRPOP", **options)
            except self.connection_errors:
                # Disconnected, the next poll reconnects.
                self.client.connection.disconnect()
                raise
            if not reply:
                raise Empty
            key, content = reply
            queue = key.decode().rsplit(self.sep, 1)[0]
            self._queue_cycle.rotate(queue)
            self._deliver_or_bury(queue, content)
            return True
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()

    def _deliver_or_bury(self, queue: str, content: bytes) -> None:
        """Deliver a message; one that is none, or that the consumer cannot even take, is set aside."""
        try:
            message = self._parse(content)
            tag = message["properties"]["delivery_tag"]
        except (ValueError, KeyError, TypeError, AttributeError, KombuError) as error:
            bury(self.client, content, queue=queue, reason=f"not a message: {type(error).__name__}")
            return
        try:
            self.connection._deliver(message, queue)
        except self.connection_errors:
            raise
        except Exception as error:  # noqa: BLE001 (whatever a message provokes, the worker must live)
            bury(self.client, content, queue=queue, reason=f"not taken: {type(error).__name__}")
            self.qos.reject(tag)

    def _parse(self, content: bytes) -> dict[str, Any]:
        """Return a message whose parts have the types that kombu relies on."""
        if len(content) > MAX_MESSAGE_BYTES:
            raise ValueError("too large")
        message = orjson.loads(content)
        properties = message["properties"]
        delivery = properties["delivery_info"]
        strings = (properties["delivery_tag"], delivery["exchange"], delivery["routing_key"])
        if not all(isinstance(part, str) for part in strings) or not isinstance(message.get("headers"), dict):
            raise TypeError("a part has the wrong type")
        self.Message(message, channel=self)  # decodes the body, which may fail
        return message  # type: ignore[no-any-return]


class HardenedTransport(kombu_redis.Transport):  # type: ignore[misc]
    """The Redis transport with the channel above."""

    Channel = HardenedChannel
