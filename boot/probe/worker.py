"""Health of a prediction worker's container: whether its heartbeats reach Redis.

The worker writes each one that Redis took to ``HEARTBEAT_FILE`` as well. To ask Redis itself would cost half a second
of a processor each time, most of it for imports; this costs a twentieth of that.
"""

import json
import os
import time
from pathlib import Path

FRESH_S = 5.0
"""A worker beats four times a second; one that computes on a busy machine may be late."""


def complaint() -> str | None:
    """Return why the worker beside this takes no work, None if it does."""
    named = os.environ.get("HEARTBEAT_FILE")
    if not named:
        return "HEARTBEAT_FILE is not set"
    try:
        age_s = time.time() - Path(named).stat().st_mtime
        beat = json.loads(Path(named).read_text())
    except OSError as error:
        return f"{named}: {error.strerror}"
    if age_s > FRESH_S:
        return f"the last heartbeat is {age_s:.0f} s old"
    if beat["draining"]:
        return "draining"
    return None if beat["models"] else "no model"
