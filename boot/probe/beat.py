"""Health of beat's container: whether it answers a ping through its broker.

Celery's beat falls silent once its scheduler has not looked for what is due for a minute (``tasks/pipeline/app.py``), so
that an answer says both: the schedule is looked at, and the broker that it sends to is reached.
"""

import socket

from boot.probe.node import complaint_of


def complaint() -> str | None:
    """Return why the beat of this host does not answer, None if it does."""
    return complaint_of(f"celerybeat@{socket.gethostname()}")
