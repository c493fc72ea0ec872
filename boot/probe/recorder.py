"""Health of the recorder's container: whether it lately came through a turn of its work, or of waiting for it.

It writes to ``HEARTBEAT_FILE`` after each turn that neither Redis nor the disk stopped. A recorder that waits for another
one to be gone is well.
"""

import os
import time
from pathlib import Path

FRESH_S = 60.0
"""A turn takes half a second, and some more while a file of 16 MiB is written or the first libraries are read."""


def complaint() -> str | None:
    """Return why nothing is recorded, None if all is well."""
    named = os.environ.get("HEARTBEAT_FILE")
    if not named:
        return "HEARTBEAT_FILE is not set"
    try:
        age_s = time.time() - Path(named).stat().st_mtime
    except OSError as error:
        return f"{named}: {error.strerror}"
    return f"the last turn was {age_s:.0f} s ago" if age_s > FRESH_S else None
