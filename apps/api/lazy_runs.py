"""The way from a web process to the runs: opened at the first question, so that who only predicts pays nothing."""

import asyncio
import importlib
import threading
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from config import Settings
from core.schemas.run import Run, RunRequest

DESK = "core.managers.run_desk"
"""Named and not imported: SQLAlchemy takes a third of a second and 20 MiB, and most web processes never need it."""
Answer = TypeVar("Answer")


class Desk(Protocol):
    """What the desk does: see :class:`core.managers.run_desk.RunDesk`."""

    def create(self, request: RunRequest) -> Run: ...  # noqa: D102
    def newest(self) -> list[Run]: ...  # noqa: D102
    def get(self, run_id: str) -> Run: ...  # noqa: D102
    def cancel(self, run_id: str) -> Run: ...  # noqa: D102
    def resume(self, run_id: str) -> Run: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class LazyRuns:
    """Asks the desk of the runs, in a thread: a database may take its time.

    Parameters
    ----------
    settings : Settings
        Name the database.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._desk: Desk | None = None

    async def ask(self, question: Callable[[Desk], Answer]) -> Answer:
        """Return what the desk answers to ``question``, or raise what it raises."""
        return await asyncio.to_thread(self._ask, question)

    def close(self) -> None:
        """Close the connections, if there are any."""
        if self._desk is not None:
            self._desk.close()

    def _ask(self, question: Callable[[Desk], Answer]) -> Answer:
        with self._lock:
            if self._desk is None:
                module: Any = importlib.import_module(DESK)
                self._desk = module.RunDesk(self._settings.runs_url, models_dir=self._settings.models_dir)
            desk: Desk = self._desk
        return question(desk)
