"""Health of a pipeline worker's container: whether it answers a ping through its broker."""

import socket

from boot.probe.node import complaint_of


def complaint() -> str | None:
    """Return why the worker of this host does not answer, None if it does.

    While a run computes, in a process of its own, the worker still answers.
    """
    return complaint_of(f"pipeline@{socket.gethostname()}")
