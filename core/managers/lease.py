"""Who runs a run: a name that no other process has, and whether its process is gone."""

import os
import socket
import uuid

import psutil

LEASE_S = 30.0
"""A run whose owner was not heard of for so long may be taken over."""
RENEW_S = 8.0
_CLOCK_SLACK_S = 2.0
"""A process's start is told by the wall clock, which may be set while it runs."""


def new_owner() -> str:
    """Name this process, once for each lease: ``host/pid/start of the process/random``."""
    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.0f}/{uuid.uuid4().hex[:8]}"


def is_gone(owner: str) -> bool:
    """Tell whether the process of that name ended for certain: only one on this host can be told."""
    host, pid, started, _ = owner.rsplit("/", 3)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        # Another process may have got its number since.
        other = abs(process.create_time() - float(started)) > _CLOCK_SLACK_S
        return other or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
