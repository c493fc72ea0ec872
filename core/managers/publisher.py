"""What a publisher is: it puts task messages on their queues, and knows whether the broker is there."""

from collections.abc import Callable
from typing import Protocol

from core.schemas.task_message import TaskMessage

TIMEOUT_S = 0.8
"""Of a connect and of a send: a caller gets his 503 within a second. Shorter, a busy machine looks like a dead one."""
FAST_S = 0.1
"""A try that failed faster met a connection that was closed meanwhile; one that failed slower met a dead broker."""
PROBE_INTERVAL_S = 0.25
IDLE_PROBE_S = 1.0
"""An idle connection is tried this often, so that a dead broker is known before the next request."""
CAPACITY = 1024

OnFailure = Callable[[TaskMessage], None]
OnChange = Callable[[bool], None]


class Publisher(Protocol):
    """Publishes messages in the order of ``publish``; built with a URL, ``on_failure`` and ``on_change``.

    ``on_failure`` is called with each message that could not be published, ``on_change`` with whether the
    broker is reachable, when that changes; both perhaps on another thread than the event loop's.
    """

    reachable: bool

    def start(self) -> None:
        """Begin to look for the broker."""

    def publish(self, message: TaskMessage) -> None:
        """Take a message; does not block.

        Raises
        ------
        BrokerUnavailableError
            If the broker is known to be away, or too many messages wait already.
        """

    async def stop(self) -> None:
        """Send what waits and close the connection."""
