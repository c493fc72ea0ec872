"""kombu's Redis transport, hardened: whatever stands in the list, the worker lives.

In kombu one entry that is no message (not JSON, not an object, without properties) raises in the worker's
main loop and ends the process. Here it is set aside as a dead letter.
"""

from queue import Empty
from typing import Any

import orjson
from kombu.exceptions import KombuError
from kombu.transport import redis as kombu_redis

from core.managers.dead_letters import bury

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""A batch of 10,000 rows is below 2 MiB; what is larger than this is not ours."""


class HardenedChannel(kombu_redis.Channel):  # type: ignore[misc]  # kombu is untyped here
    """A channel that survives what it reads."""

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
