"""The system that ``make run`` started in this folder: where commands find its broker, whose port is any free one."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK, NOTE = "lock", "running.json"
"""Files of the broker's folder: who runs holds the first, and has written the second."""


@dataclass(frozen=True, kw_only=True)
class LocalSystem:
    """What a command must know of a running system to speak to it.

    Parameters
    ----------
    models_dir : str
        Its versions, as an absolute path: who names others means another system.
    broker_url, result_backend_url : str
        As its processes have them.
    """

    models_dir: str
    broker_url: str
    result_backend_url: str


def announce_system(directory: Path, system: LocalSystem) -> None:
    """Note a system; to be called by who holds the lock of ``directory``. Raises OSError."""
    note = directory / NOTE
    note.unlink(missing_ok=True)
    # A URL may hold a password.
    with os.fdopen(os.open(note, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(system), file)


def find_system(directory: Path) -> LocalSystem | None:
    """Return the system that runs now, None if none does: a note whose lock is free is of one that is gone."""
    try:
        with (directory / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(directory / NOTE)
    except OSError:
        pass
    return None


def _read(note: Path) -> LocalSystem | None:
    try:
        return LocalSystem(**json.loads(note.read_text()))
    except (OSError, ValueError, TypeError):  # it starts just now, or is of another revision of ours
        return None
