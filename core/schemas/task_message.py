"""A prediction task as a Celery message (task protocol 2), without importing Celery.

Source of the format: "Message Protocol", version 2, in Celery's documentation; over Redis, the envelope that
kombu's virtual transports put around it. Any client in any language may send it; the web process does, so that
it needs neither Celery nor its per-call costs.
"""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

TRANSIENT = 1
"""AMQP's delivery mode of a message that need not survive its broker: whoever sent it will miss it and send it again."""
RESENT_BY_SENDER = "resent_by_sender"
"""Header of a message whose sender finds out if it is lost, and then sends it again."""
_NO_EMBEDDED_CALLS = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}


@dataclass(frozen=True, kw_only=True)
class TaskMessage:
    """One task on its way to a queue.

    Parameters
    ----------
    task_id, task, queue : str
        Id of this sending, name of the task, name of the queue.
    argument : dict
        The one positional argument, JSON values.
    expires_at : float
        Unix seconds after which a worker drops the task unread.
    sent_at : float
        Unix seconds of the sending; the worker derives the time in the queue.
    lane : str
        ``rows``, or ``chunks`` for what a worker computes only while no single rows wait for it.
    """

    task_id: str
    task: str
    queue: str
    argument: dict[str, Any]
    expires_at: float
    sent_at: float
    origin: str = field(default="tripcast")
    lane: str = "rows"

    def headers(self) -> dict[str, Any]:
        """Return the message headers."""
        return {
            "lang": "py",
            "task": self.task,
            "id": self.task_id,
            "root_id": self.task_id,
            "parent_id": None,
            "group": None,
            "shadow": None,
            "eta": None,
            "expires": datetime.fromtimestamp(self.expires_at, UTC).isoformat(),
            "retries": 0,
            "timelimit": [None, None],
            "argsrepr": "",
            "kwargsrepr": "",
            "origin": self.origin,
            "ignore_result": False,
            "sent_at": self.sent_at,
            "lane": self.lane,
            RESENT_BY_SENDER: True,
        }

    def body(self) -> bytes:
        """Return the message body, JSON; a column may be a list or a NumPy array."""
        return orjson.dumps([[self.argument], {}, _NO_EMBEDDED_CALLS], option=orjson.OPT_SERIALIZE_NUMPY)

    def envelope(self) -> bytes:
        """Return headers, properties and body as one entry of a Redis list, as kombu writes it."""
        return orjson.dumps(
            {
                "body": self.body().decode(),
                "content-encoding": "utf-8",
                "content-type": "application/json",
                "headers": self.headers(),
                "properties": {
                    "correlation_id": self.task_id,
                    "reply_to": "",
                    "delivery_mode": TRANSIENT,
                    "delivery_info": {"exchange": "", "routing_key": self.queue},
                    "priority": 0,
                    # kombu itself writes base64, which is for bytes that are no text; it reads both.
                    "body_encoding": None,
                    "delivery_tag": str(uuid.uuid4()),
                },
            }
        )
